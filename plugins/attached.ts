/**
 * What plugins add to a daemon.
 *
 * @module
 */
import type { Backend } from "../backends/backend.ts";
import type { CollectorSource } from "../backends/collector.ts";
import type { EventSink } from "./event-sink.ts";
import type { GuardedReporter } from "./guard-reporter.ts";
import type { Transport } from "./transport.ts";

/** What plugins add to a daemon, none of which can do it harm by failing. */
export interface Attached {
  readonly backends: readonly Backend[];
  readonly collectors: readonly CollectorSource[];
  readonly reporters: readonly GuardedReporter[];
  readonly eventSinks: readonly EventSink[];
  readonly transports: readonly Transport[];
}

/** Nothing. */
export const NOTHING_ATTACHED: Attached = {
  backends: [],
  collectors: [],
  reporters: [],
  eventSinks: [],
  transports: [],
};
