/**
 * `--influx` of a daemon: its own numbers for Influx, every ten seconds (daemon.md 19). Loaded only where it is given.
 *
 * @module
 */
import { builtinCollectors } from "../../backends/builtin-collectors.ts";
import type { Sample } from "../../backends/collector.ts";
import { CollectorError } from "../../backends/collector.ts";
import { fromText } from "../../core/byte-string.ts";
import type { State } from "../../core/engine/state.ts";
import { type OwnNumbers, ownLines, StateLines } from "../../plugins/influx/own-lines.ts";
import { type TcpAddress, TcpSink } from "../../plugins/influx/tcp-sink.ts";
import type { Log, LogCounts } from "./log.ts";

/** How often the numbers are sent, milliseconds. */
export const PERIOD_MS = 10_000;

export interface OwnInfluxOptions {
  readonly address: TcpAddress;
  /** The tag `vm`: the daemon's name there. */
  readonly vm: string;
  readonly connections: () => OwnNumbers["connections"];
  /** What albatrossd knows of unikernels and policies. */
  readonly state?: () => State;
  /** {@link PERIOD_MS} unless given; for tests. */
  readonly periodMs?: number;
  readonly logged: LogCounts;
  readonly log: Log;
}

/** Sends until it is closed. */
export function sendOwnNumbers(options: OwnInfluxOptions): { close(): void } {
  const { address, vm, log, logged, state, periodMs = PERIOD_MS } = options;
  const stateLines = new StateLines(vm);
  // No more often than it sends, and without waiting lines: their time is the receiver's.
  const sink = new TcpSink({ ...address, patient: false, log, reconnectMs: periodMs });
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
    const known = state === undefined ? [] : stateLines.lines(state());
    sink.write(`${[...known, ...ownLines(vm, numbers, Date.now())].join("\n")}\n`);
  };
  const timer = setInterval(() => {
    try {
      send();
    } catch (error) {
      log.error(`cannot tell Influx about this daemon: ${error instanceof Error ? error.message : String(error)}`);
    }
  }, periodMs);
  return {
    close() {
      clearInterval(timer);
      collector?.close();
      void sink.close();
    },
  };
}
