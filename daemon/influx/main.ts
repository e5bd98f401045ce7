/**
 * albatross-influx: forwards the statistics of unikernels to Influx.
 *
 * @module
 */
import { socketFile } from "../../core/paths.ts";
import { notifyStopping } from "../../host/systemd.ts";
import type { InfluxSink } from "../../plugins/influx/sink.ts";
import { UsageError } from "../common/flags.ts";
import { startMetrics } from "../common/metrics.ts";
import { EXIT_USAGE, runDaemon } from "../common/run-daemon.ts";
import { forward } from "./forward.ts";
import { flags, openSink } from "./options.ts";

/** Exit status if nobody was named to forward to. */
const EXIT_NO_RECEIVER = 123;

/** The command line. */
export const definition = {
  program: "albatross-influx",
  summary: "Forwards the statistics of unikernels to Influx, as lines over TCP or by HTTP.",
  flags,
};

/** Runs the daemon until a signal ends it; gives the exit status. */
export function run(args: readonly string[]): Promise<number> {
  return runDaemon(definition, args, async (values, { log, stopped, ready }) => {
    let sink: InfluxSink | undefined;
    try {
      sink = openSink(values, process.env, log);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      process.stderr.write(`${definition.program}: ${error.message}\n`);
      return EXIT_USAGE;
    }
    if (sink === undefined) {
      process.stderr.write(`${definition.program}: influx host not provided\n`);
      return EXIT_NO_RECEIVER;
    }
    const stop = new AbortController();
    const forwarding = forward({
      path: socketFile(values.tmpdir, "stat"),
      name: values.name,
      dropPath: !values.keepPath,
      stamped: !values.noTimestamps,
      sink,
      log,
      signal: stop.signal,
    });
    const receiver = sink;
    const metrics = await startMetrics(
      values.metrics,
      {
        daemon: definition.program,
        numbers: () => ({ connections: {}, queues: {}, dropped: { lines: receiver.dropped } }),
      },
      log,
    );
    ready();
    log.info(`ending on ${await Promise.race([stopped, forwarding.then(() => "the end of forwarding")])}`);
    notifyStopping();
    metrics?.close();
    stop.abort();
    await forwarding;
    await sink.close();
    return 0;
  });
}
