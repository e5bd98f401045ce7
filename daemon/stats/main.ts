/**
 * albatross-stats: measures unikernels at an interval, and sends the samples to subscribers.
 *
 * @module
 */
import { socketFile } from "../../core/paths.ts";
import { notifyStopping } from "../../host/systemd.ts";
import { builtin } from "../../plugins/builtin.ts";
import type { MetricsServer } from "../../plugins/openmetrics/metrics-server.ts";
import { RequestMeter } from "../../plugins/openmetrics/request-meter.ts";
import { CommandServer } from "../common/command-server.ts";
import { activationFlag, tmpdirFlag } from "../common/daemon-flags.ts";
import { descriptorLimit } from "../common/descriptor-limit.ts";
import { integer, switchFlag, UsageError, valueFlag } from "../common/flags.ts";
import { ownInfluxFlag, startOwnInflux } from "../common/influx-flag.ts";
import { listenDaemon } from "../common/listen.ts";
import { metricsFlag, startMetrics } from "../common/metrics.ts";
import { runDaemon } from "../common/run-daemon.ts";
import { DaemonLink } from "./daemon-link.ts";
import { Registry } from "./registry.ts";
import { COMMAND_MAX, StatsHandlers, type StatsService } from "./stats-handlers.ts";
import { Subscriptions } from "./subscriptions.ts";
import { tick } from "./tick.ts";

/** The interval unless told otherwise, seconds. */
const DEFAULT_INTERVAL = 10;

/** The longest interval, seconds. */
export const INTERVAL_MAX = 86_400;

/** Descriptors for other things than connections. */
const OWN_DESCRIPTORS = 64;

/** The command line. */
export const definition = {
  program: "albatross-stats",
  plugins: ["collectors", "reporters"] as const,
  summary: "Measures running unikernels at an interval, and sends the samples to subscribers.",
  flags: {
    tmpdir: tmpdirFlag,
    activation: activationFlag,
    metrics: metricsFlag,
    influx: ownInfluxFlag,
    interval: valueFlag(
      "--interval",
      "SECONDS",
      `How often unikernels are measured, ${DEFAULT_INTERVAL} seconds unless given.`,
      (text) => {
        const value = integer(1, "must be at least 1")(text);
        if (value > INTERVAL_MAX) throw new UsageError(`must be at most ${INTERVAL_MAX}`);
        return value;
      },
      () => DEFAULT_INTERVAL,
    ),
    hypervisor: switchFlag(
      ["--gather-vmm-stats", "--gather-bhyve-stats"],
      "Gather counters of the hypervisor, too: of KVM from debugfs, of BHyve.",
    ),
  },
};

/** Runs the daemon until a signal ends it; gives the exit status. */
export function run(args: readonly string[]): Promise<number> {
  return runDaemon(
    definition,
    args,
    async ({ tmpdir, activation, metrics, influx, interval, hypervisor }, { log, logged, stopped, ready, plugins }) => {
      const registry = new Registry([...(await builtin.collectors(hypervisor)), ...plugins.collectors], log);
      const service: StatsService = { registry, subscriptions: new Subscriptions(log), log };
      const meter = metrics === undefined ? undefined : new RequestMeter();
      const server = new CommandServer({
        serve: (connection) => new StatsHandlers(connection, service, "client"),
        log,
        observe: meter?.observe.bind(meter),
        commandMax: COMMAND_MAX,
        limit: Math.max(1, descriptorLimit() - OWN_DESCRIPTORS),
      });
      const path = socketFile(tmpdir, "stat");
      const listener = await listenDaemon({ path, activation }, (connection) => server.accept(connection), {
        failed: (error) => log.error(`while serving a connection: ${error.stack ?? error.message}`),
      });
      const link = new DaemonLink({ path: socketFile(tmpdir, "vmmd"), service, log });
      const timer = setInterval(() => tick(service, plugins.reporters), interval * 1000);
      log.info(activation ? "listening on the socket from systemd" : `listening on ${path}`);
      let exporter: MetricsServer | undefined;
      if (metrics !== undefined && meter !== undefined) {
        const { statsMetrics } = await import("./metrics.ts");
        const source = statsMetrics({ tmpdir, address: metrics, registry, server, meter, log });
        exporter = await startMetrics(metrics, source, log);
      }
      const vmmapi = () => (hypervisor ? { vmmapi: registry.counts } : {});
      const connections = () => ({ unix: server.counts, ...vmmapi() });
      const own = await startOwnInflux(influx, { vm: "albatross_stats", connections, logged, log });
      ready();
      log.info(`ending on ${await stopped}`);
      notifyStopping();
      clearInterval(timer);
      exporter?.close();
      own?.close();
      link.close();
      listener.close();
      server.close();
      registry.close();
      return 0;
    },
  );
}
