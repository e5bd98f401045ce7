/**
 * Waiting for time and descriptors, by `ppoll`: it takes nanoseconds and needs no descriptors of its own.
 *
 * @module
 */
import { addressOf, errno } from "../../runtime/ffi.ts";
import { EINTR, libc, SystemError } from "./libc.ts";

const SYS_PPOLL = process.arch === "arm64" ? 73 : 271;
const SIGNAL_SET_SIZE = 8;
const NANOSECONDS = 1_000_000_000;

/** Events of `poll`. */
export const POLLIN = 1;
export const POLLOUT = 4;

/** Descriptors to wait for, in the layout of C's `struct pollfd`. */
export class PollSet {
  readonly #entries: Int32Array;
  readonly #address: number;
  readonly #count: number;
  readonly #timeout = new Uint32Array(4);
  readonly #timeoutAddress = addressOf(this.#timeout);

  /** Waits for `events` on each of the descriptors. */
  constructor(descriptors: readonly number[], events: number) {
    this.#count = descriptors.length;
    this.#entries = new Int32Array(Math.max(1, 2 * this.#count));
    for (const [index, descriptor] of descriptors.entries()) {
      this.#entries[2 * index] = descriptor;
      this.#entries[2 * index + 1] = events;
    }
    this.#address = addressOf(this.#entries);
  }

  /**
   * Waits until something happens or the time is over.
   *
   * @param timeout nanoseconds, any number from 0 on; `undefined` waits for ever
   * @returns how many descriptors have something
   * @throws {SystemError}
   */
  wait(timeout: number | undefined): number {
    if (timeout !== undefined) {
      const seconds = Math.floor(timeout / NANOSECONDS);
      this.#timeout[0] = seconds % 0x1_0000_0000;
      this.#timeout[1] = Math.floor(seconds / 0x1_0000_0000);
      this.#timeout[2] = timeout % NANOSECONDS;
    }
    const timeoutAddress = timeout === undefined ? 0 : this.#timeoutAddress;
    for (;;) {
      const count = Number(libc.syscall(SYS_PPOLL, this.#address, this.#count, timeoutAddress, 0, SIGNAL_SET_SIZE));
      if (count >= 0) return count;
      // The kernel has put the time that is left into the structure, so that waiting can simply go on.
      if (errno() !== EINTR) throw new SystemError();
    }
  }

  /** Whether the descriptor with this index had anything, be it an error, which the next call on it will tell. */
  happened(index: number): boolean {
    return (this.#entries[2 * index + 1] ?? 0) >>> 16 !== 0;
  }
}

/** Waits until a descriptor takes more. A closed one ends the wait too, and the next write tells. */
export function waitUntilWritable(descriptor: number): void {
  new PollSet([descriptor], POLLOUT).wait(undefined);
}

/** Waits for some nanoseconds. */
export function sleep(duration: number): void {
  new PollSet([], 0).wait(duration);
}
