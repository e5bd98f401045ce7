/**
 * Somebody who watches a console.
 *
 * What a subscriber does not take is queued up to a bound. Beyond it lines are dropped for this subscriber alone, and
 * once everything queued is gone, it is told how many.
 *
 * @module
 */
import type { Name } from "../../core/name.ts";
import { ConsoleDataEncoder } from "../../core/wire/console-data.ts";
import type { Connection } from "../../runtime/unix-socket.ts";

/** Bytes of live data queued for a subscriber; what comes beyond is dropped. */
export const QUEUE_MAX = 2 * 1024 * 1024;

/** Bytes of live data queued for all subscribers together; past that each may have only {@link QUEUE_FREE}. */
export const QUEUES_TOTAL = 256 * 1024 * 1024;

/** Bytes that may be queued for a subscriber, however much there is for others. */
export const QUEUE_FREE = 64 * 1024;

const encoder = new TextEncoder();

/** The line that tells a subscriber about its loss. */
export function lossNotice(lines: number): string {
  return `[albatross: ${lines} ${lines === 1 ? "line" : "lines"} dropped for this subscriber]`;
}

export class Subscriber {
  readonly #connection: Connection;
  readonly #name: Name;
  readonly #all: ReadonlySet<{ readonly pending: number }>;
  readonly #now: () => number;
  #lagging = false;
  #dropped = 0;
  /** Bytes of past lines that wait, at the most: it asked for them, and is not behind for them. */
  #history = 0;

  /** @param all every subscriber of any console; @param now milliseconds since 1970 */
  constructor(connection: Connection, name: Name, all: ReadonlySet<{ readonly pending: number }>, now: () => number) {
    this.#all = all;
    this.#connection = connection;
    this.#name = name;
    this.#now = now;
  }

  /** Bytes it has not taken yet. */
  get pending(): number {
    return this.#connection.pending;
  }

  /** Bytes that have come to those that were queued for it when it began, or since it took some of these. */
  get behind(): number {
    const { pending } = this;
    this.#history = Math.min(this.#history, pending);
    return pending - this.#history;
  }

  /** Its history is queued; what comes now is live. */
  begin(): void {
    this.#history = this.pending;
  }

  /** Lines are being dropped for it, until it has taken all that is queued. */
  get lagging(): boolean {
    return this.#lagging;
  }

  /** Lines dropped since it was last told. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Sends frames of `lines` live lines. The bytes may be overwritten afterwards. */
  deliver(frames: Uint8Array, lines: number): void {
    if (this.pending > 0 && !this.#fits(this.behind + frames.length)) this.#lagging = true;
    if (this.#lagging) this.#dropped += lines;
    else this.#connection.send(frames);
  }

  #fits(size: number): boolean {
    if (size <= QUEUE_FREE) return true;
    if (size > QUEUE_MAX) return false;
    let total = 0;
    for (const { pending } of this.#all) total += pending;
    return total <= QUEUES_TOTAL;
  }

  /** Drops what comes from now on until the queue is empty. */
  giveUp(): void {
    this.#lagging = this.#connection.pending > 0;
  }

  /** The queue is empty: tells of the loss, if there was any, and goes on. */
  caughtUp(): void {
    const lost = this.#dropped;
    this.#lagging = false;
    this.#dropped = 0;
    this.#history = 0;
    if (lost === 0) return;
    const notice = encoder.encode(lossNotice(lost));
    const data = new ConsoleDataEncoder(this.#name);
    data.setTime(this.#now());
    const out = new Uint8Array(data.room(notice.length));
    this.#connection.send(out.subarray(0, data.write(notice, 0, notice.length, out, 0)));
  }
}
