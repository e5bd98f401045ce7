/**
 * `--metrics`: what a daemon is doing, for Prometheus and others that read OpenMetrics.
 *
 * Everything is loaded only where the flag is given.
 *
 * @module
 */
import { readdirSync } from "node:fs";
import { VERSION } from "../../core/version.ts";
import { type MetricsAddress, parseMetricsAddress } from "../../plugins/openmetrics/address.ts";
import type { DaemonNumbers } from "../../plugins/openmetrics/daemon-families.ts";
import type { MetricFamily } from "../../plugins/openmetrics/family.ts";
import type { MetricsServer } from "../../plugins/openmetrics/metrics-server.ts";
import { type Flag, UsageError, valueFlag } from "./flags.ts";
import type { Log } from "./log.ts";

/** `--metrics ADDRESS`. */
export const metricsFlag: Flag<MetricsAddress | undefined> = valueFlag(
  "--metrics",
  "ADDRESS",
  "Serve metrics in OpenMetrics text: a port of 127.0.0.1, [::1]:PORT, or the path of a socket.",
  (text) => {
    try {
      return parseMetricsAddress(text);
    } catch (error) {
      throw new UsageError(error instanceof Error ? error.message : String(error));
    }
  },
  () => undefined,
);

/** What a daemon tells of itself. */
export interface MetricsSource {
  /** Its name, the label `daemon`. */
  readonly daemon: string;
  numbers(): Pick<DaemonNumbers, "connections" | "queues" | "dropped">;
  /** Families of its own. */
  families?(): readonly MetricFamily[];
  /** Texts of others that are shown with them. */
  others?(): Promise<readonly string[]>;
}

const startedAt = Date.now() / 1000 - process.uptime();

function openDescriptors(): number | undefined {
  try {
    return readdirSync("/proc/self/fd").length - 1; // one was the directory itself
  } catch {
    return undefined; // another system
  }
}

function processNumbers(): DaemonNumbers["process"] {
  const { user, system } = process.cpuUsage();
  return {
    cpuSeconds: { user: user / 1e6, system: system / 1e6 },
    residentBytes: process.memoryUsage.rss(),
    openDescriptors: openDescriptors(),
    startedAt,
  };
}

/**
 * Serves the metrics of a daemon, where it was asked to.
 *
 * @throws if it cannot listen there
 */
export async function startMetrics(
  address: MetricsAddress | undefined,
  source: MetricsSource,
  log: Log,
): Promise<MetricsServer | undefined> {
  if (address === undefined) return undefined;
  const [{ serveMetrics }, { daemonFamilies }, { exposition, familiesText, joinTexts }] = await Promise.all([
    import("../../plugins/openmetrics/metrics-server.ts"),
    import("../../plugins/openmetrics/daemon-families.ts"),
    import("../../plugins/openmetrics/family.ts"),
  ]);
  const server = await serveMetrics(address, async () => {
    const numbers = { ...source.numbers(), version: VERSION, process: processNumbers() };
    const own = familiesText([...daemonFamilies(source.daemon, numbers), ...(source.families?.() ?? [])]);
    const others = (await source.others?.()) ?? [];
    return exposition(others.length === 0 ? own : joinTexts([own, ...others]));
  });
  log.info(`serving metrics on ${server.address}`);
  return server;
}
