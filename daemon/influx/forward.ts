/**
 * From albatross-stats to a receiver of lines, for ever (influx.md 2).
 *
 * @module
 */
import { AbortedError, ClientError } from "../../client/errors.ts";
import { subscribeStatistics } from "../../client/statistics.ts";
import type { Name } from "../../core/name.ts";
import type { InfluxSink, SinkLog } from "../../plugins/influx/sink.ts";
import { statisticsLines, vmTag } from "../../plugins/influx/statistics-lines.ts";

/** Milliseconds until the next attempt to subscribe. */
export const RESUBSCRIBE_MS = 5_000;

/** Tags whose owners are remembered. */
export const TAGS_MAX = 10_000;

export interface ForwardOptions {
  /** The socket of albatross-stats. */
  readonly path: string;
  readonly name: Name;
  /** Whether the tag is the label only. */
  readonly dropPath: boolean;
  readonly stamped: boolean;
  readonly sink: InfluxSink;
  readonly log: SinkLog;
  readonly signal: AbortSignal;
  /** {@link RESUBSCRIBE_MS} unless given. */
  readonly retryMs?: number;
}

/** Forwards until the signal; what goes wrong is logged once, and tried again. */
export async function forward(options: ForwardOptions): Promise<void> {
  const { path, name, dropPath, stamped, sink, log, signal, retryMs = RESUBSCRIBE_MS } = options;
  let reported: string | undefined;
  const owners = new TagOwners(log);
  for (let sequence = 1n; !signal.aborted; sequence++) {
    let reason = "it closed the connection";
    try {
      const subscribed = () => {
        reported = undefined;
        log.info(`subscribed to ${name.toDisplay()}`);
      };
      for await (const sample of subscribeStatistics(path, name, { sequence, signal, subscribed })) {
        const tagged = dropPath ? sample.relativeName : sample.name;
        const vm = vmTag(tagged, dropPath);
        owners.check(vm, sample.name);
        sink.write(statisticsLines(vm, sample.statistics, Date.now(), stamped));
      }
    } catch (error) {
      if (error instanceof AbortedError) return;
      if (!(error instanceof ClientError)) throw error;
      reason = error.message;
    }
    if (reported !== reason) log.warning(`no statistics, trying again every ${retryMs} ms: ${reason}`);
    reported = reason;
    await pause(retryMs, signal);
  }
}

/** Notices when two unikernels have the same tag, so that their series are mixed up; told once for each tag. */
class TagOwners {
  readonly #log: SinkLog;
  readonly #owners = new Map<string, string | undefined>();

  constructor(log: SinkLog) {
    this.#log = log;
  }

  check(tag: string, { text }: Name): void {
    if (!this.#owners.has(tag) && this.#owners.size < TAGS_MAX) this.#owners.set(tag, text);
    const owner = this.#owners.get(tag);
    if (owner === undefined || owner === text) return;
    this.#owners.set(tag, undefined);
    this.#log.warning(`${owner} and ${text} are both called ${tag} in Influx: use --no-drop-path to tell them apart`);
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done);
  });
}
