/**
 * The last lines of a console, with their times.
 *
 * Lines lie one after the other in circular memory that grows with need, within a bound of its own and one for all rings
 * together; where a bound is met, the oldest lines go earlier than by their number.
 *
 * @module
 */
import type { LineBatch } from "./line-batch.ts";
import { LINE_MAX_MOST, MARK_MAX } from "./line-splitter.ts";

/** Lines kept of a console (console.md 7). */
export const RING_ENTRIES = 1024;

/** Bytes of lines kept of a console. Enough for {@link RING_ENTRIES} of the default longest line. */
export const RING_BYTES_MAX = 1024 * 1024;

/** Bytes of lines kept of all consoles together, beyond {@link RING_BYTES_FREE} of each. */
export const RINGS_BYTES_TOTAL = 256 * 1024 * 1024;

/** Bytes that a ring may always have, so that the newest lines are kept whatever the others need. */
export const RING_BYTES_FREE = 4096;

/** What all rings may use together. */
export class RingBudget {
  readonly #limit: number;
  #used = 0;

  constructor(limit: number = RINGS_BYTES_TOTAL) {
    this.#limit = limit;
  }

  get used(): number {
    return this.#used;
  }

  /** Takes `bytes` if they are left. */
  take(bytes: number): boolean {
    if (this.#used + bytes > this.#limit) return false;
    this.#used += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#used -= bytes;
  }
}

/** Called with each entry: its time in milliseconds since 1970, and where its bytes are. */
export type EntryVisitor = (time: number, bytes: Uint8Array, start: number, end: number) => void;

/** A ring. Give its memory back by {@link Ring.clear} when it is no longer needed. */
export class Ring {
  readonly #budget: RingBudget;
  readonly #times = new Float64Array(RING_ENTRIES);
  readonly #offsets = new Uint32Array(RING_ENTRIES);
  readonly #lengths = new Uint32Array(RING_ENTRIES);
  #bytes: Uint8Array = new Uint8Array(0);
  /** Of that, taken from the budget. */
  #charged = 0;
  /** Index of the oldest entry. */
  #first = 0;
  #count = 0;
  /** Where the next entry goes. At or before the oldest entry's offset: the entries go around the end. */
  #head = 0;

  constructor(budget: RingBudget) {
    this.#budget = budget;
  }

  /** Entries present. */
  get count(): number {
    return this.#count;
  }

  /** The time of the oldest entry, milliseconds since 1970; `undefined` if there is none. */
  get oldest(): number | undefined {
    return this.#count === 0 ? undefined : this.#times[this.#first];
  }

  /** Bytes of memory for lines. */
  get capacity(): number {
    return this.#bytes.length;
  }

  /** Adds a copy of the bytes of `source` from `start` to `end`, at most {@link LINE_MAX_MOST} plus a mark. */
  push(time: number, source: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (this.#count === RING_ENTRIES) this.#dropOldest();
    const offset = this.#place(Math.max(1, length)); // an empty line takes a byte: no two entries share an offset
    const index = (this.#first + this.#count) % RING_ENTRIES;
    this.#bytes.set(source.subarray(start, end), offset);
    this.#times[index] = time;
    this.#offsets[index] = offset;
    this.#lengths[index] = length;
    this.#head = offset + Math.max(1, length);
    this.#count++;
  }

  /** Adds the lines of a batch, or the last of them if that are more than there may be. */
  pushLines(time: number, { count, bytes, starts, ends }: LineBatch): void {
    for (let at = Math.max(0, count - RING_ENTRIES); at < count; at++) {
      this.push(time, bytes, starts[at] ?? 0, ends[at] ?? 0);
    }
  }

  /** Visits the last `count` entries, oldest first; none for a count of 0 or less. */
  last(count: number | bigint, visit: EntryVisitor): void {
    const wanted = count > this.#count ? this.#count : count < 0 ? 0 : Number(count);
    this.#visitFrom(this.#count - wanted, visit);
  }

  /** Visits, oldest first, the entries that come after the newest one older than `time`. */
  since(time: number, visit: EntryVisitor): void {
    let from = this.#count;
    while (from > 0 && (this.#times[(this.#first + from - 1) % RING_ENTRIES] ?? 0) >= time) from--;
    this.#visitFrom(from, visit);
  }

  /** Forgets everything and gives the memory back. */
  clear(): void {
    this.#budget.give(this.#charged);
    this.#charged = 0;
    this.#bytes = new Uint8Array(0);
    this.#count = 0;
    this.#head = 0;
  }

  #visitFrom(from: number, visit: EntryVisitor): void {
    for (let at = from; at < this.#count; at++) {
      const index = (this.#first + at) % RING_ENTRIES;
      const offset = this.#offsets[index] ?? 0;
      visit(this.#times[index] ?? 0, this.#bytes, offset, offset + (this.#lengths[index] ?? 0));
    }
  }

  #dropOldest(): void {
    this.#first = (this.#first + 1) % RING_ENTRIES;
    this.#count--;
  }

  /** Finds `size` bytes in one piece: behind the newest, from the start again, by growing, or by dropping the oldest. */
  #place(size: number): number {
    for (;;) {
      const oldest = this.#offsets[this.#first] ?? 0;
      if (this.#count === 0) {
        if (size <= this.#bytes.length) return 0;
      } else if (this.#head > oldest) {
        if (this.#bytes.length - this.#head >= size) return this.#head;
        if (oldest >= size) return 0;
      } else if (oldest - this.#head >= size) {
        return this.#head;
      }
      if (!this.#grow(size)) this.#dropOldest();
    }
  }

  #grow(size: number): boolean {
    const old = this.#bytes.length;
    const free = Math.max(RING_BYTES_FREE, size); // a single line always finds room
    const wanted = Math.min(RING_BYTES_MAX, Math.max(2 * old, free));
    if (wanted <= old) return false;
    const charge = Math.max(0, wanted - RING_BYTES_FREE);
    if (!this.#budget.take(charge - this.#charged)) {
      if (this.#count > 0 || old >= size) return false;
    } else {
      this.#charged = charge;
    }
    const grown = new Uint8Array(wanted);
    let head = 0;
    for (let at = 0; at < this.#count; at++) {
      const index = (this.#first + at) % RING_ENTRIES;
      const offset = this.#offsets[index] ?? 0;
      const length = this.#lengths[index] ?? 0;
      grown.set(this.#bytes.subarray(offset, offset + length), head);
      this.#offsets[index] = head;
      head += Math.max(1, length);
    }
    this.#bytes = grown;
    this.#head = head;
    return true;
  }
}

/** The longest entry fits into a ring. */
export const ENTRY_MAX: number = LINE_MAX_MOST + MARK_MAX;
