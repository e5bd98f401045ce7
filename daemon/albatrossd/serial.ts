/**
 * Work serialised by name: what concerns one unikernel happens in order, and never waits for another's.
 *
 * @module
 */

/** Tasks that may wait for one name. */
export const WAITING_TASKS_MAX = 32;

/** More tasks wait for one name than {@link WAITING_TASKS_MAX}. */
export class TooManyTasks extends Error {
  override readonly name = "TooManyTasks";
}

/** Runs tasks of one key one after the other, those of different keys side by side. */
export class Serial {
  readonly #tails = new Map<string, { count: number; tail: Promise<unknown> }>();

  /**
   * Runs `task` when all earlier ones of `key` have ended.
   *
   * @throws {TooManyTasks} if a client's task finds the queue full; `internal` ones are always taken
   */
  async run<T>(key: string, task: () => Promise<T>, internal = false): Promise<T> {
    const entry = this.#tails.get(key) ?? { count: 0, tail: Promise.resolve() };
    if (entry.count >= WAITING_TASKS_MAX && !internal) {
      throw new TooManyTasks(`${entry.count} commands are waiting for this unikernel already; try again later`);
    }
    this.#tails.set(key, entry);
    entry.count++;
    const outcome = entry.tail.then(task);
    entry.tail = outcome.catch(() => undefined); // its caller sees the failure; the next task must run all the same
    try {
      return await outcome;
    } finally {
      entry.count--;
      if (entry.count === 0) this.#tails.delete(key);
    }
  }

  /** Tasks that wait for others of their key. */
  get waiting(): number {
    let waiting = 0;
    for (const { count } of this.#tails.values()) waiting += count - 1; // the first one runs
    return waiting;
  }

  /** Waits until nothing is running or queued. */
  async idle(): Promise<void> {
    while (this.#tails.size > 0) await Promise.all([...this.#tails.values()].map((entry) => entry.tail));
  }
}
