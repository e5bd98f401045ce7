/**
 * The metrics that albatross-stats serves: those of unikernels, its own, and those of the other daemons of this host.
 *
 * @module
 */
import { socketDirectory } from "../../core/paths.ts";
import { pageSize } from "../../host/page-size.ts";
import type { MetricsAddress } from "../../plugins/openmetrics/address.ts";
import { neighbourTexts } from "../../plugins/openmetrics/neighbours.ts";
import type { RequestMeter } from "../../plugins/openmetrics/request-meter.ts";
import { unikernelFamilies } from "../../plugins/openmetrics/unikernel-families.ts";
import type { CommandServer } from "../common/command-server.ts";
import type { Log } from "../common/log.ts";
import type { MetricsSource } from "../common/metrics.ts";
import type { Registry } from "./registry.ts";

const DAEMON = "albatross-stats";

export interface MetricsParts {
  readonly tmpdir: string;
  readonly address: MetricsAddress;
  readonly registry: Registry;
  readonly server: CommandServer;
  readonly meter: RequestMeter;
  readonly log: Log;
}

/** What is served. Unikernels are measured when somebody asks, and not more often than that is remembered. */
export function statsMetrics({ tmpdir, address, registry, server, meter, log }: MetricsParts): MetricsSource {
  const own = address.kind === "unix" ? address.path : undefined;
  /** Daemons that did not answer last time: told once. */
  const silent = new Set<string>();
  return {
    daemon: DAEMON,
    numbers: () => ({ connections: { unix: server.counts }, queues: {} }),
    families: () => {
      const measured = registry.names.flatMap((name) => {
        const statistics = registry.measure(name);
        return statistics === undefined ? [] : [{ name, statistics }];
      });
      return [...unikernelFamilies(measured, pageSize()), ...meter.families(DAEMON)];
    },
    others: async () => {
      const failed = new Set<string>();
      const texts = await neighbourTexts(socketDirectory(tmpdir), own, (socket, error) => {
        failed.add(socket);
        if (!silent.has(socket)) log.warning(`no metrics of ${socket}: ${error.message}`);
      });
      silent.clear();
      for (const socket of failed) silent.add(socket);
      return texts;
    },
  };
}
