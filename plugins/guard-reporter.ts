/**
 * A reporter of a plugin, as albatross-stats can use it without harm: one call at a time, ticks are left out meanwhile.
 *
 * @module
 */
import { type Guard, thrownText } from "./guard.ts";
import type { Report, Reporter } from "./reporter.ts";

/** A reporter that never fails and never keeps anybody waiting. */
export class GuardedReporter {
  readonly #guard: Guard;
  readonly #reporter: Reporter;
  #busy = false;
  #leftOut = 0;
  #failing = false;

  constructor(guard: Guard, reporter: Reporter) {
    this.#guard = guard;
    this.#reporter = reporter;
  }

  /** Hands over the samples of a tick, unless it is still busy with former ones. */
  report(samples: readonly Report[]): void {
    if (this.#busy) {
      if (this.#leftOut++ === 0)
        this.#guard.log.warning(`the reporter ${this.#reporter.name} is slow, and loses ticks`);
      return;
    }
    if (this.#leftOut > 0) {
      this.#guard.log.warning(`the reporter ${this.#reporter.name} has caught up after losing ${this.#leftOut} ticks`);
      this.#leftOut = 0;
    }
    void this.#hand(samples);
  }

  async #hand(samples: readonly Report[]): Promise<void> {
    this.#busy = true;
    try {
      await this.#guard.settle("report", () => this.#reporter.report(samples));
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) this.#guard.log.error(thrownText(error)); // once
      this.#failing = true;
    } finally {
      this.#busy = false;
    }
  }

  /** The daemon ends. */
  async close(): Promise<void> {
    await this.#guard.finish("close", () => this.#reporter.close?.());
  }
}
