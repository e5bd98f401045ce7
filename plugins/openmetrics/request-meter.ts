/**
 * Counts the requests of a daemon, and how long their answers took.
 *
 * @module
 */
import type { MetricFamily, MetricSample } from "./family.ts";

/** Upper bounds of the classes of answering times, seconds. */
export const LATENCY_BOUNDS: readonly number[] = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10];

/** Kinds of requests that are told apart; what comes beyond is counted as `other`. */
export const KINDS_MAX = 64;

/** How a request ended. */
export type RequestResult = "success" | "failure";

/** The meter of one daemon. */
export class RequestMeter {
  readonly #counts = new Map<string, Record<RequestResult, number>>();
  readonly #classes: number[] = LATENCY_BOUNDS.map(() => 0);
  #count = 0;
  #seconds = 0;

  /** Counts an answered request. */
  observe(kind: string, result: RequestResult, seconds: number): void {
    const known = this.#counts.has(kind) || this.#counts.size < KINDS_MAX ? kind : "other";
    const counts = this.#counts.get(known) ?? { success: 0, failure: 0 };
    counts[result]++;
    this.#counts.set(known, counts);
    this.#count++;
    this.#seconds += seconds;
    const at = LATENCY_BOUNDS.findIndex((bound) => seconds <= bound);
    if (at >= 0) this.#classes[at] = (this.#classes[at] ?? 0) + 1;
  }

  /** Counts of all kinds, and the answering times, of the daemon of this name. */
  families(daemon: string): readonly MetricFamily[] {
    return [
      {
        name: "albatross_requests",
        type: "counter",
        help: "Commands that were answered, by kind and by success.",
        samples: [...this.#counts].flatMap(([command, counts]) => [
          { labels: { daemon, command, result: "success" }, value: counts.success },
          { labels: { daemon, command, result: "failure" }, value: counts.failure },
        ]),
      },
      {
        name: "albatross_request_duration_seconds",
        type: "histogram",
        unit: "seconds",
        help: "Time from a command to its answer.",
        samples: this.#durations(daemon),
      },
    ];
  }

  #durations(daemon: string): readonly MetricSample[] {
    let sum = 0;
    const classes = LATENCY_BOUNDS.map((bound, at) => {
      sum += this.#classes[at] ?? 0;
      return {
        suffix: "_bucket",
        labels: { daemon, le: bound.toFixed(Number.isInteger(bound) ? 1 : 3).replace(/(\.\d+?)0+$/, "$1") },
        value: sum,
      };
    });
    return [
      ...classes,
      { suffix: "_bucket", labels: { daemon, le: "+Inf" }, value: this.#count },
      { suffix: "_count", labels: { daemon }, value: this.#count },
      { suffix: "_sum", labels: { daemon }, value: this.#seconds },
    ];
  }
}
