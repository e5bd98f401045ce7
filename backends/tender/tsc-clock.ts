/**
 * How fast the time stamp counter of the emulated CPU runs.
 *
 * Unicorn passes the host's counter on, and without KVM nobody tells its frequency. So it is measured, and as the guest
 * will see it: the emulated CPU reads the counter twice, some time apart.
 *
 * @module
 */
import { memoryAt } from "../../runtime/ffi.ts";
import { libc, mapPrivate } from "./libc.ts";
import { Engine, Register, UC_PROT_EXEC, UC_PROT_READ } from "./unicorn.ts";
import { sleep } from "./wait.ts";

/** Least time between the two readings, in nanoseconds: with errors below 1 µs each, the result is good to 0.01 %. */
const SHORTEST_INTERVAL = 10_000_000;
const SAMPLES = 8;
const PAGE = 0x1000;
const CODE_ADDRESS = 0x1000;
const CLOCK_MONOTONIC = 1;

/** rdtsc; hlt */
const CODE = [0x0f, 0x31, 0xf4] as const;

interface Reading {
  /** CLOCK_MONOTONIC, nanoseconds. */
  readonly time: number;
  readonly ticks: number;
}

/** A measurement under way. Made early, it costs no waiting. */
export class TscClock {
  readonly #engine = new Engine();
  readonly #page: number;
  readonly #time = new Float64Array(2); // 16 bytes for a timespec, aligned
  readonly #first: Reading;

  /** Takes the first reading. @throws {LibraryError} without Unicorn, {@link SystemError} without memory */
  constructor() {
    this.#page = mapPrivate(PAGE);
    memoryAt(this.#page, PAGE).set(CODE);
    this.#engine.map(CODE_ADDRESS, PAGE, UC_PROT_READ | UC_PROT_EXEC, this.#page);
    this.#first = this.#read();
  }

  /** Takes the second reading, after waiting if it comes too early, and frees everything. Ticks per second. */
  finish(): number {
    const elapsed = this.#now() - this.#first.time;
    if (elapsed < SHORTEST_INTERVAL) sleep(SHORTEST_INTERVAL - elapsed);
    const last = this.#read();
    this.#engine.close();
    libc.munmap(this.#page, PAGE);
    return Math.round(((last.ticks - this.#first.ticks) * 1e9) / (last.time - this.#first.time));
  }

  /** The best of several readings: the one during which least time passed. */
  #read(): Reading {
    let best: Reading = { time: 0, ticks: 0 };
    let shortest = Number.POSITIVE_INFINITY;
    for (let sample = 0; sample < SAMPLES; sample++) {
      const before = this.#now();
      this.#engine.run(BigInt(CODE_ADDRESS));
      const after = this.#now();
      const ticks = Number(this.#engine.read(Register.rdx)) * 0x1_0000_0000 + Number(this.#engine.read(Register.rax));
      if (after - before >= shortest) continue;
      shortest = after - before;
      best = { time: (before + after) / 2, ticks };
    }
    return best;
  }

  #now(): number {
    libc.clock_gettime(CLOCK_MONOTONIC, this.#time);
    const words = new Uint32Array(this.#time.buffer);
    return (words[0] ?? 0) * 1e9 + (words[2] ?? 0);
  }
}
