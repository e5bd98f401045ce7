/**
 * The log on the disk: events are appended in groups, each of which is on the disk before anybody is told.
 *
 * While a group is being written, the next one gathers: one `fdatasync` serves as many events as came in the meantime.
 * Files are begun anew by size and by age, and the oldest ones are removed. A write that fails is repeated, in a new file,
 * until it succeeds: events stay with their feeders meanwhile.
 *
 * @module
 */
import { closeSync, constants, fsyncSync, mkdirSync, openSync, writeSync } from "node:fs";
import { subjectOf, type TimedEvent } from "../../core/log/event.ts";
import type { Header } from "../../core/wire/message.ts";
import { encodeFrame } from "../../core/wire/message-codec.ts";
import { syncData, writeSome } from "../../host/file-data.ts";
import { type HeldLock, takeDirectoryLock } from "../../host/lock-file.ts";
import type { Log } from "../common/log.ts";
import { FeederMemory } from "./feeder-memory.ts";
import { loadSegments, segmentsIn } from "./load-segments.ts";
import { encodeRecord, fileHead } from "./record.ts";
import { Segment } from "./segment.ts";

/** Pause after a write that failed, milliseconds. */
export const WRITE_RETRY_MS = 500;

/** Bytes of events that wait to be written, above which feeders are held back. */
export const PENDING_MAX: number = 4 * 1024 * 1024;

/** Bytes that every event counts in that besides its own, also one that was there already: each takes memory. */
const PENDING_OVERHEAD = 128;

/** A file is begun anew when its oldest event is of this age, milliseconds: what is kept by age goes file by file. */
export const SEGMENT_AGE_MS: number = 24 * 3600 * 1000;

/** Files that the log may consist of: each is a part of the total. */
export const SEGMENTS = 8;

/** Bytes of the length word of a frame. */
const LENGTH_WORD = 4;

/** An event that is on the disk. */
export interface Entry extends TimedEvent {
  readonly number: number;
  /** The text of the name it is about. */
  readonly subject: string;
  /** The message that subscribers get, as a frame. */
  readonly frame: Uint8Array;
}

/** Who waits for events to be on the disk. */
export interface Feeder {
  /** The event that came with this header is. */
  acknowledge(header: Header): void;
  /** That was all for now. */
  flush(): void;
}

/** Where an event comes from. What a feeder sends twice, by the sequence, is taken once. */
export interface Source {
  readonly header: Header;
  readonly feeder: Feeder;
}

export interface JournalOptions {
  readonly directory: string;
  /** Bytes of all files together. */
  readonly maxBytes: number;
  /** Events in files that are older than this are removed, milliseconds. */
  readonly maxAge: number;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** The identity of a new log: random bytes. */
  readonly newIdentity: () => Uint8Array;
  /** Told of events that are on the disk now, in order, before their feeders are. */
  readonly committed: (entries: readonly Entry[]) => void;
}

interface Pending {
  readonly source: Source | undefined;
  /** `undefined`: the event was there already, and only its acknowledgement waits. */
  readonly entry: Entry | undefined;
  readonly record: Uint8Array;
}

const nothing = new Uint8Array(0);

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export class Journal {
  readonly #options: JournalOptions;
  readonly #lock: HeldLock;
  readonly #feeders = new FeederMemory();
  #identity: Uint8Array;
  /** Oldest first; the last is being written. */
  readonly #segments: Segment[] = [];
  #descriptor = -1;
  /** The number of the last event on the disk, and of the last that was taken. */
  #head = 0;
  #taken = 0;
  #pending: Pending[] = [];
  #pendingBytes = 0;
  #flushing: Promise<void> | undefined;
  #closing = false;
  #renew = false;
  /** When the last file was begun, if it was in this run: events may be older, such as those of a feeder that waited. */
  #begunAt = Number.NEGATIVE_INFINITY;
  /** Why it cannot be written, as it was logged: once for each reason. */
  #reported: string | undefined;
  /** Called when pending events have been written. */
  relieved: (() => void) | undefined;

  /**
   * Reads what is there, cuts off what a crash left half-written, and goes on from there.
   *
   * @throws if the directory cannot be used, or another process has it
   */
  constructor(options: JournalOptions) {
    this.#options = options;
    const { directory } = options;
    mkdirSync(directory, { recursive: true, mode: 0o750 });
    this.#lock = takeDirectoryLock(directory);
    try {
      const loaded = loadSegments(directory, options.log, (feeder) => this.#feeders.saw(feeder));
      this.#segments.push(...loaded.segments);
      this.#identity = loaded.identity ?? options.newIdentity();
      this.#head = loaded.head;
      this.#taken = loaded.head;
      this.#goOn(loaded.isSound);
      this.#retire();
    } catch (error) {
      this.#lock.release();
      throw error;
    }
  }

  /** Tells this log from every other. */
  get identity(): Uint8Array {
    return this.#identity;
  }

  /** The number of the last event on the disk, 0 if there never was one. */
  get head(): number {
    return this.#head;
  }

  /** The number of the oldest event that is kept; one more than {@link head} if there is none. */
  get first(): number {
    const oldest = this.#segments.find(({ count }) => count > 0);
    return oldest === undefined ? this.#head + 1 : oldest.numberAt(0);
  }

  /** The files, oldest first. */
  get segments(): readonly Segment[] {
    return this.#segments;
  }

  /** Whether feeders should wait. */
  get isBehind(): boolean {
    return this.#pendingBytes > PENDING_MAX;
  }

  /** Goes on in the last file, if there is one that can be used. */
  #goOn(isSound: boolean): void {
    const last = this.#segments.at(-1);
    if (last === undefined || !isSound) return this.#begin();
    this.#descriptor = openSync(last.path, constants.O_RDWR);
  }

  /** Begins a new file; one without an event is replaced. */
  #begin(): void {
    const { directory } = this.#options;
    const first = this.#head + 1;
    const segment = new Segment(directory, first);
    const descriptor = openSync(segment.path, constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC, 0o640);
    try {
      writeSync(descriptor, fileHead(this.#identity, first));
      fsyncSync(descriptor);
      const folder = openSync(directory, constants.O_RDONLY);
      try {
        fsyncSync(folder);
      } finally {
        closeSync(folder);
      }
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
    this.#closeFile();
    this.#descriptor = descriptor;
    this.#begunAt = this.#options.now();
    const last = this.#segments.at(-1);
    if (last?.first === first) {
      last.close();
      this.#segments.pop();
    }
    this.#segments.push(segment);
  }

  #closeFile(): void {
    if (this.#descriptor >= 0) closeSync(this.#descriptor);
    this.#descriptor = -1;
  }

  get #current(): Segment {
    const segment = this.#segments.at(-1);
    if (segment === undefined) throw new Error("The log has no file");
    return segment;
  }

  /** Removes files beyond the limits, never the one that is being written. */
  #retire(): void {
    const { maxBytes, maxAge, now, log } = this.#options;
    const oldest = now() - maxAge;
    let total = this.#segments.reduce((sum, { end }) => sum + end, 0);
    while (this.#segments.length > 1) {
      const [segment] = this.#segments;
      if (segment === undefined) return;
      const empty = segment.count === 0;
      if (!empty && total <= maxBytes && segment.newest >= oldest) return;
      total -= segment.end;
      this.#segments.shift();
      try {
        segment.remove();
      } catch (error) {
        log.warning(`cannot remove ${segment.path}: ${reasonOf(error)}`);
      }
    }
  }

  /** Takes an event, which is numbered now and written soon. */
  append({ timestamp, event }: TimedEvent, source?: Source): void {
    if (this.#closing) return; // whoever sent it has no acknowledgement, and sends it again
    const feederSequence = source?.header.sequence ?? 0n;
    if (this.#feeders.knows(feederSequence)) {
      this.#pending.push({ source, entry: undefined, record: nothing });
    } else {
      this.#feeders.saw(feederSequence);
      const number = ++this.#taken;
      const name = subjectOf(event);
      const header = { sequence: BigInt(number), name };
      const frame = encodeFrame({ header, payload: { kind: "data", data: { kind: "log", timestamp, event } } });
      const record = encodeRecord(feederSequence, timestamp, frame.subarray(LENGTH_WORD));
      this.#pending.push({ source, entry: { number, timestamp, event, subject: name.text, frame }, record });
    }
    this.#pendingBytes += (this.#pending.at(-1)?.record.length ?? 0) + PENDING_OVERHEAD;
    this.#flushing ??= this.#flush();
  }

  async #flush(): Promise<void> {
    // Whatever has come together with this event is one group with it.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#pending.length > 0) {
      const group = this.#pending;
      this.#pending = [];
      while (!(await this.#tryWrite(group))) {
        if (this.#closing) return this.#done();
        await new Promise<void>((resolve) => setTimeout(resolve, WRITE_RETRY_MS));
      }
      this.#publish(group);
    }
    this.#done();
  }

  #done(): void {
    this.#flushing = undefined;
  }

  /** Writes a group. @returns whether it is on the disk; if not, a new file was begun, or will be with the next attempt */
  async #tryWrite(group: readonly Pending[]): Promise<boolean> {
    const { log, maxBytes, now } = this.#options;
    const records = group.map(({ record }) => record);
    const bytes = Buffer.concat(records);
    if (bytes.length === 0) return true;
    try {
      if (this.#renew) this.#reopen();
      const current = this.#segments.at(-1);
      const grown = (current?.end ?? 0) + bytes.length > maxBytes / SEGMENTS;
      const aged = Math.max(current?.oldest ?? 0, this.#begunAt) < now() - SEGMENT_AGE_MS;
      if (current === undefined || this.#descriptor < 0 || ((grown || aged) && current.count > 0)) this.#begin();
      const segment = this.#current;
      for (let at = 0; at < bytes.length; ) {
        at += await writeSome(this.#descriptor, bytes, at, bytes.length, segment.end + at);
      }
      await syncData(this.#descriptor);
      for (const { entry, record } of group) {
        if (entry === undefined) continue;
        segment.add(entry.number, segment.end, segment.end + record.length, entry.timestamp, entry.subject);
        this.#head = entry.number;
      }
      if (this.#reported !== undefined) log.warning("writing to the log again");
      this.#reported = undefined;
      return true;
    } catch (error) {
      const reason = reasonOf(error);
      if (this.#reported !== reason) {
        log.error(`cannot write to the log: ${reason}; trying again every ${WRITE_RETRY_MS} ms`);
      }
      this.#reported = reason;
      // After a failure nobody knows what is in the file: what has not been acknowledged goes to another one.
      this.#closeFile();
      return false;
    }
  }

  #publish(group: readonly Pending[]): void {
    const entries = group.flatMap(({ entry }) => entry ?? []);
    for (const { record } of group) this.#pendingBytes -= record.length + PENDING_OVERHEAD;
    if (entries.length > 0) this.#options.committed(entries);
    const feeders = new Set<Feeder>();
    for (const { source } of group) {
      if (source === undefined) continue;
      source.feeder.acknowledge(source.header);
      feeders.add(source.feeder);
    }
    for (const feeder of feeders) feeder.flush();
    this.#retire();
    this.relieved?.();
  }

  /** The next event begins a new file, wherever the directory leads then: what was there may have been moved away. */
  reopen(): void {
    this.#renew = true;
  }

  #reopen(): void {
    const { directory } = this.#options;
    mkdirSync(directory, { recursive: true, mode: 0o750 });
    const present = new Set(segmentsIn(directory));
    for (const segment of this.#segments.splice(0)) {
      if (present.has(segment.first)) this.#segments.push(segment);
      else segment.close();
    }
    this.#begin();
    this.#renew = false;
  }

  /** Removes what has become too old. */
  tidy(): void {
    this.#retire();
  }

  /** Writes what is pending, once, and closes the files. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#flushing;
    this.#closeFile();
    for (const segment of this.#segments) segment.close();
    this.#lock.release();
  }
}
