/**
 * The running output of one console: from its fifo into its history and to its subscribers.
 *
 * A subscriber that does not keep up may hold the reading back, so that a short burst reaches everybody whole, but only
 * as long as it takes at least {@link HOLD_RATE}; a slower one loses lines instead.
 *
 * @module
 */
import type { Name } from "../../core/name.ts";
import { ConsoleDataEncoder } from "../../core/wire/console-data.ts";
import { type FifoHandlers, type FifoReader, readFifo } from "../../runtime/fifo.ts";
import type { KeptOutput } from "./kept-output.ts";
import type { LineBatch } from "./line-batch.ts";
import { LineSplitter } from "./line-splitter.ts";
import type { ConsoleState } from "./registry.ts";
import type { Subscriber } from "./subscriber.ts";

/** Bytes queued for a subscriber beyond which reading waits for it. */
export const HOLD_ABOVE = 512 * 1024;

/** What a subscriber must take to be waited for: bytes per second. Nobody slows a console down below that. */
export const HOLD_RATE = 2 * 1024 * 1024;

/** How often that is checked, milliseconds: one that takes nothing at all holds a console back for so long, once. */
export const HOLD_CHECK_MS = 300;

/** Frames are collected up to this many bytes before they are sent. */
const OUTPUT_SIZE = 256 * 1024;

/** For all streams: it is used up before the next batch. */
let output = new Uint8Array(OUTPUT_SIZE);

export interface ConsoleStreamOptions {
  /** Longest line kept whole, bytes. */
  readonly maxLine: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Holds the beginning of a line that an earlier process has read. */
  readonly splitter?: LineSplitter | undefined;
  /** The output has ended; the stream is done. Not called after {@link ConsoleStream.close}. */
  readonly ended: (console: ConsoleState<Subscriber>, error: Error | undefined) => void;
}

export class ConsoleStream {
  #console: ConsoleState<Subscriber> | undefined;
  #kept: KeptOutput | undefined;
  readonly #options: ConsoleStreamOptions;
  readonly #splitter: LineSplitter;
  readonly #encoder: ConsoleDataEncoder;
  #reader: FifoReader;
  /** Those of {@link #reader}. */
  #handlers: FifoHandlers;
  #holding: ReturnType<typeof setTimeout> | undefined;

  /**
   * Starts reading the fifo at `path`; what comes belongs to the console that {@link attach} gives.
   *
   * @throws the system's error if it cannot be opened
   */
  constructor(path: string, name: Name, options: ConsoleStreamOptions) {
    this.#options = options;
    this.#splitter = options.splitter ?? new LineSplitter(options.maxLine);
    this.#encoder = new ConsoleDataEncoder(name);
    this.#handlers = this.#makeHandlers();
    this.#reader = readFifo(path, this.#handlers);
  }

  /**
   * Names the console the output belongs to. To be called before control returns to the event loop.
   *
   * @param kept where the output is kept on disk, if it is
   */
  attach(console: ConsoleState<Subscriber>, kept: KeptOutput | undefined): void {
    this.#console = console;
    this.#kept = kept;
  }

  /**
   * The console was added again. Reads what its path leads to now: the same fifo goes on without loss, of a former one
   * the rest is read first.
   *
   * @throws the system's error if it cannot be opened; reading goes on as before then
   */
  renew(path: string): void {
    const former = this.#reader;
    const handlers = this.#makeHandlers();
    const next = readFifo(path, handlers);
    this.#reader = next;
    this.#handlers = handlers; // an end of the former one is no longer the end of this stream
    former.drain();
    if (!next.sameFifo(former)) this.#finish();
    former.close();
    if (this.#holding !== undefined) next.hold();
  }

  /** Stops reading. */
  close(): void {
    clearTimeout(this.#holding);
    this.#reader.close();
  }

  /** A subscriber has taken all that was queued for it, or has gone. */
  progressed(): void {
    if (this.#holding === undefined || this.#console === undefined) return;
    if (furthestBehind(this.#console.subscribers) <= HOLD_ABOVE) this.#release();
  }

  #makeHandlers(): FifoHandlers {
    const handlers: FifoHandlers = {
      data: (bytes) => {
        this.#kept?.append(this.#options.now(), bytes);
        this.#take(this.#splitter.push(bytes));
      },
      end: (error) => {
        this.#finish();
        if (handlers !== this.#handlers) return;
        clearTimeout(this.#holding);
        if (this.#console !== undefined) this.#options.ended(this.#console, error);
      },
    };
    return handlers;
  }

  #finish(): void {
    this.#kept?.end(this.#options.now());
    this.#take(this.#splitter.finish());
  }

  #take(batch: LineBatch): void {
    const { count, bytes, starts, ends } = batch;
    if (count === 0 || this.#console === undefined) return;
    const { ring, subscribers } = this.#console;
    const now = this.#options.now();
    ring?.pushLines(now, batch);
    if (subscribers.size === 0) return;
    this.#encoder.setTime(now);
    let filled = 0;
    let lines = 0;
    for (let at = 0; at < count; at++) {
      const start = starts[at] ?? 0;
      const end = ends[at] ?? 0;
      const room = this.#encoder.room(end - start);
      if (filled + room > output.length) {
        deliver(subscribers, filled, lines);
        filled = 0;
        lines = 0;
        if (room > output.length) output = new Uint8Array(room);
      }
      filled = this.#encoder.write(bytes, start, end, output, filled);
      lines++;
    }
    deliver(subscribers, filled, lines);
    this.#holdIfNeeded(subscribers);
  }

  #holdIfNeeded(subscribers: ReadonlySet<Subscriber>): void {
    if (this.#holding !== undefined) return;
    if (furthestBehind(subscribers) <= HOLD_ABOVE) return;
    this.#reader.hold();
    this.#watchProgress(subscribers);
  }

  /** Gives those up that take too little, until the rest has caught up. */
  #watchProgress(subscribers: ReadonlySet<Subscriber>): void {
    const before = new Map([...subscribers].map((subscriber) => [subscriber, subscriber.pending]));
    this.#holding = setTimeout(() => {
      for (const subscriber of subscribers) {
        if (subscriber.behind <= HOLD_ABOVE) continue;
        const taken = (before.get(subscriber) ?? Number.POSITIVE_INFINITY) - subscriber.pending; // a new one gets its time, too
        if (taken < (HOLD_RATE * HOLD_CHECK_MS) / 1000) subscriber.giveUp();
      }
      if (furthestBehind(subscribers) <= HOLD_ABOVE) this.#release();
      else this.#watchProgress(subscribers);
    }, HOLD_CHECK_MS);
  }

  #release(): void {
    clearTimeout(this.#holding);
    this.#holding = undefined;
    this.#reader.release();
  }
}

function deliver(subscribers: ReadonlySet<Subscriber>, filled: number, lines: number): void {
  if (lines === 0) return;
  const frames = output.subarray(0, filled);
  for (const subscriber of subscribers) subscriber.deliver(frames, lines);
}

/** The most that is queued for a subscriber worth waiting for. */
function furthestBehind(subscribers: ReadonlySet<Subscriber>): number {
  let most = 0;
  for (const subscriber of subscribers) if (!subscriber.lagging) most = Math.max(most, subscriber.behind);
  return most;
}
