/**
 * `--influx` of a daemon: its own numbers for Influx, every ten seconds (daemon.md 19). Loaded only where it is given.
 *
 * @module
 */
import { builtinCollectors } from "../../backends/builtin-collectors.ts";
import type { Sample } from "../../backends/collector.ts";
import { CollectorError } from "../../backends/collector.ts";
import { fromText } from "../../core/byte-string.ts";
import { type OwnNumbers, ownLines } from "../../plugins/influx/own-lines.ts";
import { TcpSink } from "../../plugins/influx/tcp-sink.ts";
import type { TcpAddress } from "./influx-flag.ts";
import type { Log, LogCounts } from "./log.ts";

/** How often the numbers are sent, milliseconds. */
export const PERIOD_MS = 10_000;

export interface OwnInfluxOptions {
  readonly address: TcpAddress;
  /** The tag `vm`: the daemon's name there. */
  readonly vm: string;
  readonly connections: () => OwnNumbers["connections"];
  /** Further lines. */
  readonly lines?: () => readonly string[];
  readonly logged: LogCounts;
  readonly log: Log;
}

/** Sends until it is closed. */
export function sendOwnNumbers(options: OwnInfluxOptions): { close(): void } {
  const { address, vm, log, logged } = options;
  // No more often than it sends, and without waiting lines: their time is the receiver's.
  const sink = new TcpSink({ ...address, patient: false, log, reconnectMs: PERIOD_MS });
  const [source] = builtinCollectors(process.platform, false);
  const collector = source?.open({ pid: process.pid, machine: fromText(""), interfaces: [] });
  const measure = (): Sample => {
    try {
      return collector?.sample() ?? {};
    } catch (error) {
      if (!(error instanceof CollectorError)) throw error;
      log.debug(error.message);
      return {};
    }
  };
  const send = () => {
    const { resourceUsage: usage, memory } = measure();
    const numbers: OwnNumbers = { connections: options.connections(), usage, memory, logs: logged };
    sink.write(`${[...(options.lines?.() ?? []), ...ownLines(vm, numbers, Date.now())].join("\n")}\n`);
  };
  const timer = setInterval(() => {
    try {
      send();
    } catch (error) {
      log.error(`cannot tell Influx about this daemon: ${error instanceof Error ? error.message : String(error)}`);
    }
  }, PERIOD_MS);
  return {
    close() {
      clearInterval(timer);
      collector?.close();
      void sink.close();
    },
  };
}
