/**
 * An undo stack for operations of several steps on the host: what was done is undone in reverse if a later step fails.
 *
 * @module
 */

/** Steps to take back, newest first. */
export class Undo {
  readonly #steps: (() => void | Promise<void>)[] = [];

  /** Remembers how to take back the step that was just done. */
  push(step: () => void | Promise<void>): void {
    this.#steps.push(step);
  }

  /**
   * Takes everything back, newest first. A step that fails does not keep the others from being taken back.
   *
   * @returns the failures
   */
  async rollBack(): Promise<unknown[]> {
    const failures: unknown[] = [];
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    }
    return failures;
  }
}
