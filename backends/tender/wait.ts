/**
 * Waiting for time and descriptors.
 *
 * @module
 */
import { addressOf, errno } from "../../runtime/ffi.ts";
import { DOUBTS_MAX, EINTR, libc, SystemError } from "./libc.ts";

const SYS_PPOLL = process.arch === "arm64" ? 73 : 271;
const SIGNAL_SET_SIZE = 8;
const NANOSECONDS = 1_000_000_000;
const CLOCK_MONOTONIC = 1;
const TFD_CLOEXEC = 0o2000000;

/** Events of `poll`. */
const POLLIN = 1;
const POLLOUT = 4;

/** `ppoll`, until something happens or the timeout is over; both structures by address. @throws {SystemError} */
function poll(entries: number, count: number, timeout: number): number {
  for (let doubts = 0; ; ) {
    const result = Number(libc.syscall(SYS_PPOLL, entries, count, timeout, 0, SIGNAL_SET_SIZE));
    if (result >= 0) return result;
    // The kernel has put the time that is left into the structure, so that waiting can simply go on.
    const number = errno();
    if (number !== EINTR && ++doubts > DOUBTS_MAX) throw new SystemError(number);
  }
}

/** Writes nanoseconds, any number from 0 on, as C's `struct timespec`. */
function writeTimespec(words: Uint32Array, at: number, nanoseconds: number): void {
  const seconds = Math.floor(nanoseconds / NANOSECONDS);
  words[at] = seconds % 0x1_0000_0000;
  words[at + 1] = Math.floor(seconds / 0x1_0000_0000);
  words[at + 2] = nanoseconds % NANOSECONDS;
  words[at + 3] = 0;
}

/** Waits until one of some descriptors can be read, or for a time. */
export class ReadinessWait {
  /** C's `struct pollfd` each; the last one is the timer. */
  readonly #entries: Int32Array;
  readonly #entriesAddress: number;
  readonly #count: number;
  readonly #timer: number;
  readonly #setting = new Uint32Array(8); // C's `struct itimerspec`: no interval, then the value
  readonly #settingAddress = addressOf(this.#setting);
  readonly #now = new Uint32Array(4); // a timeout of zero
  readonly #nowAddress = addressOf(this.#now);

  /** The timer's descriptor lives as long as the process. @throws {SystemError} */
  constructor(descriptors: readonly number[]) {
    // A timer of its own, because the timeout of `ppoll` may come a thousandth of its length too late.
    this.#timer = libc.timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    if (this.#timer < 0) throw new SystemError();
    this.#count = descriptors.length;
    this.#entries = new Int32Array(2 * (this.#count + 1));
    for (const [index, descriptor] of [...descriptors, this.#timer].entries()) {
      this.#entries[2 * index] = descriptor;
      this.#entries[2 * index + 1] = POLLIN;
    }
    this.#entriesAddress = addressOf(this.#entries);
  }

  /**
   * Waits.
   *
   * @param timeout nanoseconds, any number from 0 on
   * @returns how many descriptors have something
   * @throws {SystemError}
   */
  wait(timeout: number): number {
    if (timeout === 0) return poll(this.#entriesAddress, this.#count, this.#nowAddress);
    writeTimespec(this.#setting, 4, timeout);
    if (libc.timerfd_settime(this.#timer, 0, this.#settingAddress, 0) !== 0) throw new SystemError();
    const count = poll(this.#entriesAddress, this.#count + 1, 0);
    return this.happened(this.#count) ? count - 1 : count;
  }

  /** Whether the descriptor with this index had anything, be it an error, which the next call on it will tell. */
  happened(index: number): boolean {
    return (this.#entries[2 * index + 1] ?? 0) >>> 16 !== 0;
  }
}

/** Waits until a descriptor takes more. A closed one ends the wait too, and the next write tells. */
export function waitUntilWritable(descriptor: number): void {
  poll(addressOf(new Int32Array([descriptor, POLLOUT])), 1, 0);
}

/** Waits for some nanoseconds, or a little longer. */
export function sleep(duration: number): void {
  const timeout = new Uint32Array(4);
  writeTimespec(timeout, 0, duration);
  poll(0, 0, addressOf(timeout));
}
