/**
 * The interface between albatross-stats and what is told of all samples, to keep them or to send them on.
 *
 * @module
 */
import type { Statistics } from "../core/statistics.ts";

/** What was measured of one unikernel. */
export interface Report {
  /** The unikernel's full name in printed form: `:hello`, `foo:bar:hello`. */
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly statistics: Statistics;
}

/** Is told of all samples. */
export interface Reporter {
  /** Short unique name, for logs. */
  readonly name: string;
  /**
   * The samples of one tick, of all unikernels, at least one. The next call comes when this one is done; the ticks of
   * that time are left out. What it throws or rejects is logged, and the samples are not repeated.
   */
  report(samples: readonly Report[]): void | Promise<void>;
  /** The daemon ends. */
  close?(): void | Promise<void>;
}
