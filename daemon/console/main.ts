/**
 * albatross-console: reads the console output of unikernels, keeps the last lines, and streams them to subscribers.
 *
 * @module
 */
import { socketFile } from "../../core/paths.ts";
import { notifyStopping } from "../../host/systemd.ts";
import { RequestMeter } from "../../plugins/openmetrics/request-meter.ts";
import { CommandServer } from "../common/command-server.ts";
import { activationFlag, DEFAULT_DBDIR, tmpdirFlag } from "../common/daemon-flags.ts";
import { descriptorLimit } from "../common/descriptor-limit.ts";
import { integer, UsageError, valueFlag } from "../common/flags.ts";
import { ownInfluxFlag, startOwnInflux } from "../common/influx-flag.ts";
import { listenDaemon } from "../common/listen.ts";
import { metricsFlag, startMetrics } from "../common/metrics.ts";
import { runDaemon } from "../common/run-daemon.ts";
import { COMMAND_MAX, ConsoleHandlers } from "./console-handlers.ts";
import { ConsoleService, DEFAULT_SUBSCRIBERS_MAX } from "./console-service.ts";
import { KeptStore } from "./kept-store.ts";
import { DEFAULT_LINE_MAX, LINE_MAX_LEAST, LINE_MAX_MOST } from "./line-splitter.ts";

const MIB = 1024 * 1024;

/** Where output is kept, unless told otherwise. */
const DEFAULT_PERSIST_DIRECTORY = `${DEFAULT_DBDIR}/console`;

/** MiB of kept output of one unikernel at most. */
export const PERSIST_MIB_MOST = 64;

/** MiB of kept output of all unikernels unless told otherwise, and at most. */
export const PERSIST_TOTAL_MIB = 1024;
export const PERSIST_TOTAL_MIB_MOST: number = 1024 * 1024;

function megabytes(most: number): (text: string) => number {
  return (text) => {
    const value = integer(1, "must be at least 1")(text);
    if (value > most) throw new UsageError(`must be at most ${most}`);
    return value;
  };
}

/** The command line. */
export const definition = {
  program: "albatross-console",
  summary: "Reads the console output of unikernels, keeps the last lines of each, and streams them to subscribers.",
  flags: {
    tmpdir: tmpdirFlag,
    activation: activationFlag,
    metrics: metricsFlag,
    influx: ownInfluxFlag,
    maxSubscribers: valueFlag(
      "--max-subscribers",
      "N",
      `How many may watch one console at a time, ${DEFAULT_SUBSCRIBERS_MAX} unless given.`,
      integer(1, "max subscribers must be greater than or equal to 1"),
      () => DEFAULT_SUBSCRIBERS_MAX,
    ),
    maxLine: valueFlag(
      "--max-line",
      "BYTES",
      `Longest line that is kept whole, ${DEFAULT_LINE_MAX} bytes unless given; from ${LINE_MAX_LEAST} to ${LINE_MAX_MOST}.`,
      (text) => {
        const value = integer(LINE_MAX_LEAST, `must be at least ${LINE_MAX_LEAST}`)(text);
        if (value > LINE_MAX_MOST) throw new UsageError(`must be at most ${LINE_MAX_MOST}`);
        return value;
      },
      () => DEFAULT_LINE_MAX,
    ),
    persist: valueFlag(
      "--persist",
      "MIB",
      `Keep the last output of each unikernel on disk, too, up to this size; at most ${PERSIST_MIB_MOST}. Not unless given.`,
      megabytes(PERSIST_MIB_MOST),
      () => 0,
    ),
    directory: valueFlag(
      "--persist-directory",
      "DIR",
      `Where output is kept, ${DEFAULT_PERSIST_DIRECTORY} unless given; made if it is missing.`,
      (text) => text,
      () => DEFAULT_PERSIST_DIRECTORY,
    ),
    total: valueFlag(
      "--persist-total",
      "MIB",
      `Size of all kept output, ${PERSIST_TOTAL_MIB} unless given: the oldest of ended unikernels makes room.`,
      megabytes(PERSIST_TOTAL_MIB_MOST),
      () => PERSIST_TOTAL_MIB,
    ),
  },
};

/** Runs the daemon until a signal ends it; gives the exit status. */
export function run(args: readonly string[]): Promise<number> {
  return runDaemon(
    definition,
    args,
    async (
      { tmpdir, activation, maxSubscribers, maxLine, persist, directory, total, metrics, influx },
      { log, logged, stopped, ready },
    ) => {
      const kept =
        persist === 0
          ? undefined
          : new KeptStore({ directory, maxBytes: persist * MIB, totalBytes: Math.max(persist, total) * MIB, log });
      const service = new ConsoleService({ tmpdir, maxSubscribers, maxLine, log, now: Date.now, kept });
      const meter = metrics === undefined ? undefined : new RequestMeter();
      const server = new CommandServer({
        serve: (connection) => new ConsoleHandlers(connection, service, log),
        log,
        observe: meter?.observe.bind(meter),
        commandMax: COMMAND_MAX,
        limit: Math.floor(descriptorLimit() / (kept === undefined ? 2 : 3)), // the others are for fifos and files
      });
      const path = socketFile(tmpdir, "console");
      const listener = await listenDaemon({ path, activation }, (connection) => server.accept(connection), {
        failed: (error) => log.error(`while serving a connection: ${error.stack ?? error.message}`),
      });
      log.info(activation ? "listening on the socket from systemd" : `listening on ${path}`);
      const exporter = await startMetrics(
        metrics,
        {
          daemon: "albatross-console",
          numbers: () => ({ connections: { unix: server.counts }, queues: {} }),
          families: () => meter?.families("albatross-console") ?? [],
        },
        log,
      );
      const connections = () => ({ unix: server.counts, fifo: service.fifos });
      const own = await startOwnInflux(influx, { vm: "albatross_console", connections, logged, log });
      ready();
      log.info(`ending on ${await stopped}`);
      notifyStopping();
      exporter?.close();
      own?.close();
      listener.close();
      server.close();
      await service.close();
      return 0;
    },
  );
}
