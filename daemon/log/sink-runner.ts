/**
 * Keeps a sink from disturbing anybody: events wait for it within a bound, and what it does not take it gets again later.
 *
 * @module
 */
import { fromText } from "../../core/byte-string.ts";
import type { EventSink, SinkEvent } from "../../plugins/event-sink.ts";
import type { Log } from "../common/log.ts";

/** Events that wait for one sink; further ones are counted only. */
export const SINK_QUEUE_MAX = 8_192;

/** Events that a sink gets at a time. */
export const SINK_BATCH = 256;

/** First and longest pause after a failure, milliseconds. */
export const SINK_RETRY_FIRST_MS = 250;
export const SINK_RETRY_LAST_MS = 30_000;

/** How long the end waits for a sink, milliseconds. */
export const SINK_CLOSE_MS = 1_000;

export class SinkRunner {
  readonly #sink: EventSink;
  readonly #log: Log;
  readonly #now: () => number;
  #queue: SinkEvent[] = [];
  #dropped = 0;
  #working: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  #failing = false;
  #reopen = false;
  #closing = false;

  /** @param now milliseconds since 1970 */
  constructor(sink: EventSink, log: Log, now: () => number) {
    this.#sink = sink;
    this.#log = log;
    this.#now = now;
  }

  /** Events that wait. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Takes an event. Never waits and never throws. */
  take(event: SinkEvent): void {
    if (this.#dropped > 0 || this.#queue.length >= SINK_QUEUE_MAX) this.#dropped++;
    else this.#queue.push(event);
    this.#start();
  }

  /** Has the sink open anew what may have been moved away, before the next event. */
  reopen(): void {
    this.#reopen = true;
  }

  /** Gives the sink a moment for what waits, and closes it. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#wake?.();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, SINK_CLOSE_MS);
    await Promise.race([this.#working, promise]);
    clearTimeout(timer);
    await this.#attempt(() => this.#sink.close());
  }

  #start(): void {
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
      if (this.#queue.length > 0 && !this.#closing) this.#start(); // it came in the last moment
    });
  }

  async #work(): Promise<void> {
    let pause = SINK_RETRY_FIRST_MS;
    while (this.#queue.length > 0) {
      if (this.#reopen) {
        this.#reopen = false;
        await this.#attempt(async () => await this.#sink.reopen?.());
      }
      const batch = this.#queue.slice(0, SINK_BATCH);
      if (await this.#attempt(() => this.#sink.write(batch))) {
        this.#queue.splice(0, batch.length);
        pause = SINK_RETRY_FIRST_MS;
        this.#tellLoss();
        continue;
      }
      if (this.#closing) return;
      await this.#sleep(pause);
      pause = Math.min(2 * pause, SINK_RETRY_LAST_MS);
    }
  }

  #tellLoss(): void {
    if (this.#dropped === 0 || this.#queue.length > SINK_QUEUE_MAX / 2) return;
    const event = { kind: "lost", source: fromText(this.#sink.name), count: this.#dropped } as const;
    this.#queue.push({ timestamp: this.#now(), event, cursor: undefined });
    this.#dropped = 0;
  }

  async #sleep(milliseconds: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }

  /** Gives whether it worked. Told of is only the first failure, and the end of it. */
  async #attempt(action: () => Promise<void>): Promise<boolean> {
    const { name } = this.#sink;
    try {
      await action();
      if (this.#failing) this.#log.warning(`${name} takes events again`);
      this.#failing = false;
      return true;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (!this.#failing) this.#log.error(`${name} does not take events: ${reason}; trying again`);
      this.#failing = true;
      return false;
    }
  }
}
