/**
 * One file of the log, with an index of its events in memory.
 *
 * @module
 */
import { closeSync, constants, openSync, readFileSync, readSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DecodeError } from "../../core/wire/decode-error.ts";
import { decodeHeader } from "../../core/wire/message-codec.ts";
import { FILE_HEAD, findRecords, readFileHead, recordAt } from "./record.ts";

/** A column of numbers that grows. */
class Column {
  #values: Float64Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;
  length = 0;

  constructor(empty: Float64Array<ArrayBuffer> | Uint32Array<ArrayBuffer>) {
    this.#values = empty;
  }

  push(value: number): void {
    if (this.length === this.#values.length) {
      const old = this.#values;
      const size = Math.max(64, 2 * old.length);
      this.#values = old instanceof Uint32Array ? new Uint32Array(size) : new Float64Array(size);
      this.#values.set(old);
    }
    this.#values[this.length++] = value;
  }

  at(index: number): number {
    return this.#values[index] ?? 0;
  }
}

const fileForm = /^events-(\d{16})\.log$/;

/** What a file is called whose first event has this number. */
export function segmentFile(first: number): string {
  return `events-${String(first).padStart(16, "0")}.log`;
}

/** The number of the first event in a file of that name; `undefined` if it is no file of the log. */
export function segmentNumber(file: string): number | undefined {
  const digits = fileForm.exec(file)?.[1];
  const first = Number(digits);
  return digits === undefined || !Number.isSafeInteger(first) || first < 1 ? undefined : first;
}

/** What was found in a file. */
export interface SegmentLoad {
  readonly segment: Segment;
  /** The identity of the log; `undefined` if the first bytes are damaged. */
  readonly log: Uint8Array | undefined;
  /** Bytes behind the last whole record. */
  readonly tail: number;
  /** Bytes that are no record, between or before whole ones. */
  readonly damaged: number;
}

export class Segment {
  readonly path: string;
  /** The number of its first event. */
  readonly first: number;
  /** Where the next record goes, bytes. */
  end: number = FILE_HEAD;
  readonly #numbers = new Column(new Float64Array(0));
  readonly #offsets = new Column(new Uint32Array(0));
  readonly #times = new Column(new Float64Array(0));
  readonly #subjects = new Column(new Uint32Array(0));
  readonly #names: string[] = [];
  readonly #nameNumbers = new Map<string, number>();
  #newest = Number.NEGATIVE_INFINITY;
  #descriptor: number | undefined;

  constructor(directory: string, first: number) {
    this.path = join(directory, segmentFile(first));
    this.first = first;
  }

  /**
   * Reads a file that is there already.
   *
   * @param before numbers from this on are not taken: the file after this one has them
   * @param visit called with the feeder's number of each event
   * @throws the system's error if it cannot be read
   */
  static load(directory: string, first: number, before: number, visit: (feeder: bigint) => void): SegmentLoad {
    const segment = new Segment(directory, first);
    const bytes = readFileSync(segment.path);
    const log = readFileHead(bytes);
    let damaged = log === undefined ? Math.min(bytes.length, FILE_HEAD) : 0;
    let end = Math.min(bytes.length, FILE_HEAD);
    let number = first;
    for (const record of findRecords(bytes, end)) {
      damaged += record.start - end;
      end = record.end;
      try {
        const header = decodeHeader(record.message); // the events themselves are not looked at: there may be many
        const found = Number(header.sequence);
        if (found < number || found >= before) continue; // written again elsewhere after a failure
        segment.add(found, record.start, record.end, record.time, header.name.text);
        number = found + 1;
        visit(record.feeder);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        damaged += record.end - record.start; // whole, but nothing that we have written
      }
    }
    segment.end = end;
    return { segment, log, tail: bytes.length - end, damaged };
  }

  /** Events in the file. */
  get count(): number {
    return this.#numbers.length;
  }

  /** The latest time of an event in it, milliseconds since 1970. */
  get newest(): number {
    return this.#newest;
  }

  /** The earliest that was written to it. */
  get oldest(): number {
    return this.count === 0 ? Number.POSITIVE_INFINITY : this.#times.at(0);
  }

  /** Takes a record that lies in the file into the index. */
  add(number: number, start: number, end: number, time: number, name: string): void {
    let subject = this.#nameNumbers.get(name);
    if (subject === undefined) {
      subject = this.#names.push(name) - 1;
      this.#nameNumbers.set(name, subject);
    }
    this.#numbers.push(number);
    this.#offsets.push(start);
    this.#times.push(time);
    this.#subjects.push(subject);
    this.#newest = Math.max(this.#newest, time);
    this.end = end;
  }

  /** The number of the event at an index. */
  numberAt(index: number): number {
    return this.#numbers.at(index);
  }

  /** Milliseconds since 1970. */
  timeAt(index: number): number {
    return this.#times.at(index);
  }

  /** Whom it is about: the text of the name. */
  nameAt(index: number): string {
    return this.#names[this.#subjects.at(index)] ?? "";
  }

  /** The index of the first event of this number or a later one; {@link count} if there is none. */
  indexOf(number: number): number {
    let [low, high] = [0, this.count];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.numberAt(middle) < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * The messages of consecutive events from index `from` on, as many as lie within `bytes`, but at least one. One that
   * has been damaged since is `undefined`.
   *
   * @throws the system's error if the file cannot be read
   */
  read(from: number, bytes: number): readonly (Uint8Array | undefined)[] {
    const start = this.#offsets.at(from);
    let to = from + 1;
    while (to < this.count && this.#endOf(to) - start <= bytes) to++;
    const content = new Uint8Array(this.#endOf(to - 1) - start);
    this.#descriptor ??= openSync(this.path, constants.O_RDONLY);
    for (let at = 0; at < content.length; ) {
      const got = readSync(this.#descriptor, content, at, content.length - at, start + at);
      if (got === 0) break; // cut short from outside: the records there count as damaged
      at += got;
    }
    return Array.from(
      { length: to - from },
      (_, at) => recordAt(content, this.#offsets.at(from + at) - start)?.message,
    );
  }

  /** Where the record at an index ends, or what lies behind it. */
  #endOf(index: number): number {
    return index + 1 < this.count ? this.#offsets.at(index + 1) : this.end;
  }

  /** Closes what reading has opened. */
  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  /** Removes the file. */
  remove(): void {
    this.close();
    rmSync(this.path, { force: true });
  }
}
