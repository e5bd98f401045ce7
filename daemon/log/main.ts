/**
 * albatross-log: keeps what happens on this host, on disk, and serves it to subscribers.
 *
 * @module
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { formatCursor } from "../../core/log/cursor.ts";
import { EVENT_MAX, LOG_ID_BYTES } from "../../core/log/event.ts";
import { socketFile } from "../../core/paths.ts";
import { notifyStopping } from "../../host/systemd.ts";
import type { MetricsServer } from "../../plugins/openmetrics/metrics-server.ts";
import { RequestMeter } from "../../plugins/openmetrics/request-meter.ts";
import { CommandServer } from "../common/command-server.ts";
import { activationFlag, DEFAULT_DBDIR, tmpdirFlag } from "../common/daemon-flags.ts";
import { descriptorLimit } from "../common/descriptor-limit.ts";
import { type FlagValues, integer, switchFlag, UsageError, valueFlag } from "../common/flags.ts";
import { listenDaemon } from "../common/listen.ts";
import { metricsFlag, startMetrics } from "../common/metrics.ts";
import { type DaemonContext, runDaemon } from "../common/run-daemon.ts";
import { Journal } from "./journal.ts";
import { LogHandlers } from "./log-handlers.ts";
import { LogService } from "./log-service.ts";
import { printLog } from "./print-log.ts";
import { SinkRunner } from "./sink-runner.ts";
import { sinksFlag } from "./sinks-flag.ts";

const MIB = 1024 * 1024;
const DAY_MS = 24 * 3600 * 1000;

/** MiB of the log, unless told otherwise, and what may be chosen: the index of it is kept in memory. */
export const DEFAULT_SIZE_MIB = 64;
export const SIZE_MIB_MOST = 1024;

/** Days that events are kept, unless told otherwise. */
export const DEFAULT_AGE_DAYS = 90;

/** How often it is looked for events that have become too old, milliseconds. */
const TIDY_INTERVAL_MS = 3600 * 1000;

function logDirectory(text: string): string {
  const status = statSync(text, { throwIfNoEntry: false });
  if (status === undefined || status.isDirectory()) return text;
  throw new UsageError(`${text} is not a directory: the log consists of several files, in a directory of its own`);
}

const flags = {
  tmpdir: tmpdirFlag,
  directory: {
    ...valueFlag(
      "--logfile",
      "DIR",
      `Directory of the log, ${join(DEFAULT_DBDIR, "log")} unless given; made if it is missing.`,
      logDirectory,
      () => join(DEFAULT_DBDIR, "log"),
    ),
    names: ["--logfile", "--log-directory"],
  },
  readOnly: switchFlag(["--read-only"], "Print the events of the log and end."),
  activation: activationFlag,
  metrics: metricsFlag,
  size: valueFlag(
    "--max-size",
    "MIB",
    `Size of the log, ${DEFAULT_SIZE_MIB} MiB unless given, at most ${SIZE_MIB_MOST}: the oldest events are removed beyond.`,
    (text) => {
      const value = integer(1, "must be at least 1")(text);
      if (value > SIZE_MIB_MOST) throw new UsageError(`must be at most ${SIZE_MIB_MOST}`);
      return value;
    },
    () => DEFAULT_SIZE_MIB,
  ),
  age: valueFlag(
    "--max-age",
    "DAYS",
    `How long events are kept, ${DEFAULT_AGE_DAYS} days unless given.`,
    integer(1, "must be at least 1"),
    () => DEFAULT_AGE_DAYS,
  ),
  sinks: sinksFlag,
};

/** The command line. */
export const definition = {
  program: "albatross-log",
  summary:
    "Keeps what happens on this host: unikernels, policies, block devices, clients; and serves it to subscribers.",
  flags,
  plugins: ["eventSinks"] as const,
  takesHangup: true,
};

type Values = FlagValues<typeof flags>;

/** Runs the daemon until a signal ends it; gives the exit status. */
export function run(args: readonly string[]): Promise<number> {
  return runDaemon(definition, args, async (values, context) => {
    if (!values.readOnly) return await serve(values, context);
    await printLog(values.directory, context.log);
    return 0;
  });
}

async function serve(values: Values, context: DaemonContext): Promise<number> {
  const { log, stopped } = context;
  const { tmpdir, activation, directory } = values;
  const service = new LogService(log, Date.now);
  const sinks = [...values.sinks, ...context.plugins.eventSinks].map((sink) => new SinkRunner(sink, log, Date.now));
  const journal: Journal = new Journal({
    directory,
    maxBytes: values.size * MIB,
    maxAge: values.age * DAY_MS,
    log,
    now: Date.now,
    newIdentity: () => crypto.getRandomValues(new Uint8Array(LOG_ID_BYTES)),
    committed(entries) {
      service.committed(entries);
      for (const { number, timestamp, event } of sinks.length === 0 ? [] : entries) {
        const cursor = formatCursor({ log: journal.identity, entry: BigInt(number) });
        for (const sink of sinks) sink.take({ timestamp, event, cursor });
      }
    },
  });
  service.journal = journal;
  const own = (kind: "startup" | "hup") => journal.append({ timestamp: Date.now(), event: { kind } });
  own("startup");
  context.onHangup(() => {
    journal.reopen();
    for (const sink of sinks) sink.reopen();
    own("hup");
    log.info("opening the files of the log again");
  });
  const meter = values.metrics === undefined ? undefined : new RequestMeter();
  const server = new CommandServer({
    serve: (connection) => new LogHandlers(connection, service, log),
    log,
    observe: meter?.observe.bind(meter),
    commandMax: EVENT_MAX,
    limit: Math.floor(descriptorLimit() / 2),
  });
  let metrics: MetricsServer | undefined;
  const tidy = setInterval(() => journal.tidy(), TIDY_INTERVAL_MS);
  try {
    const path = socketFile(tmpdir, "log");
    const listener = await listenDaemon({ path, activation }, (connection) => server.accept(connection), {
      failed: (error) => log.error(`while serving a connection: ${error.stack ?? error.message}`),
    });
    log.info(activation ? "listening on the socket from systemd" : `listening on ${path}`);
    metrics = await startMetrics(
      values.metrics,
      {
        daemon: definition.program,
        numbers: () => ({ connections: { unix: server.counts }, queues: {} }),
        families: () => meter?.families(definition.program) ?? [],
      },
      log,
    );
    context.ready();
    log.info(`ending on ${await stopped}`);
    notifyStopping();
    listener.close();
    return 0;
  } finally {
    metrics?.close();
    clearInterval(tidy);
    await journal.close();
    await Promise.all(sinks.map((sink) => sink.close()));
    server.close();
  }
}
