/**
 * One subscription to the log: what is kept from where it began, then what comes.
 *
 * A reader has a place in the log, and is sent what lies behind it: live ones at once, those that are behind from the
 * files, as fast as they take it. So there is no seam between history and live events, and a slow reader costs nobody
 * anything but its own patience. What is gone from the files before it got there, or is damaged, it is told of.
 *
 * @module
 */
import { fromText } from "../../core/byte-string.ts";
import type { Int } from "../../core/int.ts";
import type { Cursor, LogEvent } from "../../core/log/event.ts";
import type { Name } from "../../core/name.ts";
import { frame } from "../../core/wire/framing.ts";
import type { LogHistory } from "../../core/wire/message.ts";
import { encodeFrame } from "../../core/wire/message-codec.ts";
import type { Connection } from "../../runtime/unix-socket.ts";
import type { Entry, Journal } from "./journal.ts";
import type { Segment } from "./segment.ts";

/** Bytes queued for a reader above which it is behind, and gets the rest from the files when it has taken them. */
export const READER_QUEUE_MAX: number = 256 * 1024;

/** Bytes that are read from a file at a time. */
export const READ_BYTES: number = 64 * 1024;

/** What a loss is said to come from. */
const SOURCE = fromText("albatross-log");

export interface LogReaderOptions {
  readonly journal: Journal;
  readonly connection: Connection;
  /** Events about this name, or below it. */
  readonly name: Name;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** A file could not be read. */
  readonly failed: (path: string, error: unknown) => void;
}

export class LogReader {
  readonly #options: LogReaderOptions;
  /** The number of the next event to be looked at. */
  #next: number;
  #state: "reading" | "waiting" | "live" | "over" = "waiting";
  /** Frames that are to be sent together. */
  #parts: Uint8Array[] = [];
  #partBytes = 0;
  #caughtUp = false;

  /** Nothing is sent before {@link start}. */
  constructor(options: LogReaderOptions, from: LogHistory) {
    this.#options = options;
    this.#next = this.#placeOf(from);
  }

  /** Begins to send. To be called before anything else happens. */
  start(): void {
    this.#read();
  }

  /** The connection has taken everything. */
  drained(): void {
    if (this.#state === "waiting") this.#read();
  }

  end(): void {
    this.#state = "over";
  }

  /** Takes events that are on the disk since just now. */
  deliver(entries: readonly Entry[]): void {
    if (this.#state !== "live") return; // it will come to them
    for (const { number, subject, frame: bytes } of entries) {
      this.#pass(number);
      if (!this.#wants(subject)) continue;
      this.#put(bytes);
      if (this.#partBytes < READ_BYTES) continue;
      this.#flush();
      if (this.#isFull()) break;
    }
    this.#flush();
    if (this.#isFull()) this.#state = "waiting";
  }

  /** Not by the slot in the tree: `:foo` belongs to the root, and is nothing to whom `foo:` belongs. */
  #wants(subject: string): boolean {
    const { key, text } = this.#options.name;
    return key === "" || subject === text || (subject.startsWith(key) && subject[key.length] === ":");
  }

  #placeOf(from: LogHistory): number {
    const { journal } = this.#options;
    if ("cursor" in from) return this.#placeOfCursor(from.cursor);
    if ("count" in from) return this.#placeOfLast(from.count);
    for (const segment of journal.segments) {
      if (segment.newest < from.since) continue;
      for (let at = 0; at < segment.count; at++) if (segment.timeAt(at) >= from.since) return segment.numberAt(at);
    }
    return journal.head + 1;
  }

  #placeOfCursor({ log, entry }: Cursor): number {
    const { identity, head, first } = this.#options.journal;
    const isOurs = identity.every((byte, at) => log[at] === byte);
    if (isOurs && entry <= head) return Number(entry) + 1;
    // Of another log, or of this one before it was put back to an older state: nobody knows what lies between.
    const place = isOurs ? head + 1 : first;
    this.#put(this.#notice({ kind: "lost", source: SOURCE, count: 0 }, place - 1));
    return place;
  }

  /** Where the last `count` events that are wanted begin. */
  #placeOfLast(count: Int): number {
    const { segments, first, head } = this.#options.journal;
    if (count <= 0) return head + 1;
    let found = 0;
    for (const segment of segments.toReversed()) {
      for (let at = segment.count - 1; at >= 0; at--) {
        if (this.#wants(segment.nameAt(at)) && ++found >= count) return segment.numberAt(at);
      }
    }
    return first;
  }

  /** Sends a part of what is kept, and sees to it that the next one follows. */
  #read(): void {
    this.#state = "reading";
    const complete = this.#readPart();
    if (complete && !this.#caughtUp) {
      this.#caughtUp = true;
      this.#put(this.#notice({ kind: "caught-up" }, this.#next - 1));
    }
    this.#flush();
    if (this.#isFull()) this.#state = "waiting";
    else if (complete) this.#state = "live";
    // Others have their turn between two parts.
    else setImmediate(() => this.#state === "reading" && this.#read());
  }

  /** Gives whether that was all there is. */
  #readPart(): boolean {
    const { journal } = this.#options;
    for (const segment of journal.segments) {
      let at = segment.indexOf(this.#next);
      for (; at < segment.count && !this.#wants(segment.nameAt(at)); at++) this.#pass(segment.numberAt(at));
      if (at === segment.count) continue;
      const messages = this.#messagesOf(segment, at);
      if (messages.length === 0) continue; // they will be missing before those of the next file
      for (const message of messages) {
        if (message !== undefined) this.#pass(segment.numberAt(at));
        if (message !== undefined && this.#wants(segment.nameAt(at))) this.#put(frame(message));
        at++;
      }
      this.#skipTo(segment.numberAt(at - 1) + 1); // the last ones may be damaged, and would be read again and again
      if (at < segment.count || this.#next <= journal.head) return false;
    }
    this.#skipTo(journal.head + 1);
    return true;
  }

  #messagesOf(segment: Segment, at: number): readonly (Uint8Array | undefined)[] {
    try {
      return segment.read(at, READ_BYTES);
    } catch (error) {
      this.#options.failed(segment.path, error);
      return [];
    }
  }

  /** Goes on behind the event of this number. */
  #pass(number: number): void {
    this.#skipTo(number);
    this.#next = number + 1;
  }

  /** Goes on with the event of this number, and tells of those before it that are not there any more. */
  #skipTo(number: number): void {
    if (number > this.#next) {
      // Others' events are nobody's business: only who may see all of them is told how many.
      const count = this.#options.name.key === "" ? number - this.#next : 0;
      this.#put(this.#notice({ kind: "lost", source: SOURCE, count }, number - 1));
    }
    this.#next = number;
  }

  /** A message that is for this reader only. Going on from it, a reader goes on behind the event of this number. */
  #notice(event: LogEvent, number: number): Uint8Array {
    const { now, name } = this.#options;
    const data = { kind: "log", timestamp: now(), event } as const;
    return encodeFrame({ header: { sequence: BigInt(number), name }, payload: { kind: "data", data } });
  }

  #put(bytes: Uint8Array): void {
    this.#parts.push(bytes);
    this.#partBytes += bytes.length;
  }

  #flush(): void {
    const parts = this.#parts;
    if (parts.length === 0) return;
    this.#parts = [];
    this.#partBytes = 0;
    this.#options.connection.send(parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts));
  }

  #isFull(): boolean {
    return this.#options.connection.pending > READER_QUEUE_MAX;
  }
}
