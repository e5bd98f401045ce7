/**
 * What feeders have sent already: one that lost the connection before an acknowledgement sends again.
 *
 * The upper 32 bits of a number tell the feeder, the lower ones count. A number without feeder is never known.
 *
 * @module
 */

/** Feeders that are remembered, the latest ones. */
export const FEEDERS_MAX = 256;

const COUNTER_BITS = 32n;

export class FeederMemory {
  /** The last number of each feeder, the longest silent one first. */
  readonly #last = new Map<bigint, bigint>();

  /** Whether this event was there before. */
  knows(sequence: bigint): boolean {
    const last = this.#last.get(sequence >> COUNTER_BITS);
    return last !== undefined && sequence <= last;
  }

  saw(sequence: bigint): void {
    const feeder = sequence >> COUNTER_BITS;
    if (feeder === 0n) return;
    this.#last.delete(feeder);
    this.#last.set(feeder, sequence);
    if (this.#last.size <= FEEDERS_MAX) return;
    for (const [oldest] of this.#last) {
      this.#last.delete(oldest);
      break;
    }
  }
}
