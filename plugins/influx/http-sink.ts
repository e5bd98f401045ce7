/**
 * Lines to an InfluxDB by HTTP, in batches that are tried again while there is hope.
 *
 * @module
 */
import { lateUtil, lateZlib } from "../../runtime/late-modules.ts";
import type { HttpTarget } from "./http-target.ts";
import { LineQueue } from "./line-queue.ts";
import type { InfluxSink, SinkLog } from "./sink.ts";

/** Bytes of a batch. InfluxDB takes 25 MB by default. */
export const BATCH_BYTES = 512 * 1024;

/** How long lines are gathered before they are sent, milliseconds. */
export const GATHER_MS = 1_000;

/** How long a request may take, milliseconds. */
export const REQUEST_TIMEOUT_MS = 30_000;

/** The pause before another attempt: doubling, milliseconds. */
export const RETRY_LEAST_MS = 1_000;
export const RETRY_MOST_MS = 60_000;

/** Milliseconds that the end may take. */
const CLOSE_MS = 2_000;

/** Bytes of a receiver's complaint that are read and logged; the rest is not waited for. */
const COMPLAINT_MAX = 300;

export interface HttpSinkOptions {
  readonly target: HttpTarget;
  readonly compress: boolean;
  readonly log: SinkLog;
  /** Bytes that may wait. */
  readonly queueMax?: number;
  /** {@link GATHER_MS} and {@link RETRY_LEAST_MS} unless given; for tests. */
  readonly gatherMs?: number;
  readonly retryLeastMs?: number;
}

type Attempt = "taken" | { readonly refused: string } | { readonly retry: string; readonly afterMs?: number };

export class HttpSink implements InfluxSink {
  readonly #options: HttpSinkOptions;
  readonly #queue: LineQueue;
  readonly #abort = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The batch that is being sent, again and again until it is taken or refused. */
  #batch: Uint8Array | undefined;
  #sending: Promise<void> | undefined;
  #attempts = 0;
  /** Until the next attempt, milliseconds. */
  #pause = 0;
  #refused = 0;
  /** The last batch was refused, which was told of when that began. */
  #refusing = false;
  /** Of how many dropped ones was told. */
  #told = 0;
  #reported: string | undefined;
  #closed = false;

  constructor(options: HttpSinkOptions) {
    this.#options = options;
    this.#queue = new LineQueue(options.queueMax);
  }

  get dropped(): number {
    return this.#queue.dropped + this.#refused;
  }

  get #gather(): number {
    return this.#options.gatherMs ?? GATHER_MS;
  }

  write(lines: string): void {
    this.#queue.push(new TextEncoder().encode(lines));
    if (this.#batch !== undefined || this.#sending !== undefined) return;
    if (this.#queue.bytes >= BATCH_BYTES) this.#schedule(0);
    else if (this.#timer === undefined) this.#schedule(this.#gather);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    const timer = setTimeout(() => this.#abort.abort(), CLOSE_MS);
    await this.#sending;
    while (!this.#abort.signal.aborted && this.#attempts === 0 && (this.#batch ?? this.#queue.bytes) !== 0) {
      await this.#send();
    }
    clearTimeout(timer);
    this.#abort.abort();
  }

  #schedule(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(async () => {
      this.#timer = undefined;
      this.#sending = this.#send();
      await this.#sending;
      this.#sending = undefined;
      if (this.#closed) return;
      if (this.#batch !== undefined) this.#schedule(this.#pause);
      else if (this.#queue.bytes > 0) this.#schedule(this.#queue.bytes >= BATCH_BYTES ? 0 : this.#gather);
    }, milliseconds);
  }

  /** Tries once to send a batch; without success it stays, and {@link HttpSink.#pause} says until when. */
  async #send(): Promise<void> {
    this.#batch ??= this.#queue.take(BATCH_BYTES);
    if (this.#batch === undefined) return;
    const outcome = await this.#attempt(this.#batch);
    const { retryLeastMs = RETRY_LEAST_MS, log } = this.#options;
    if (typeof outcome === "object" && "retry" in outcome) {
      const pause = Math.max(outcome.afterMs ?? 0, retryLeastMs * 2 ** this.#attempts++);
      this.#pause = Math.min(pause, RETRY_MOST_MS);
      if (this.#reported !== outcome.retry) log.warning(`cannot write to InfluxDB, trying again: ${outcome.retry}`);
      this.#reported = outcome.retry;
      return;
    }
    if (outcome === "taken") this.#taken();
    else this.#refuse(outcome.refused);
    this.#reported = undefined;
    this.#batch = undefined;
    this.#attempts = 0;
  }

  #taken(): void {
    const { log } = this.#options;
    if (this.#reported !== undefined) log.info("writing to InfluxDB again");
    const lost = this.dropped - this.#told;
    if (lost > 0) log.warning(`${lost} samples or batches of them were dropped`);
    this.#told = this.dropped;
    this.#refusing = false;
  }

  /** What is wrong with lines is mostly wrong with all that follow, too. */
  #refuse(text: string): void {
    this.#refused++;
    if (!this.#refusing) this.#options.log.warning(`InfluxDB refuses lines, which are dropped: ${text}`);
    this.#refusing = true;
  }

  async #attempt(batch: Uint8Array): Promise<Attempt> {
    const { target, compress } = this.#options;
    try {
      const body = compress
        ? new Uint8Array(await lateUtil().promisify(lateZlib().gzip)(batch))
        : new Uint8Array(batch);
      const response = await fetch(target.url, {
        method: "POST",
        headers: compress ? { ...target.headers, "Content-Encoding": "gzip" } : { ...target.headers },
        body,
        redirect: "error", // credentials are for this address only
        signal: AbortSignal.any([this.#abort.signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
      });
      const complaint = await beginning(response);
      if (response.ok) return "taken";
      const text = `status ${response.status}${complaint === "" ? "" : `: ${complaint}`}`;
      // These are about the lines, and would be said of them again; all others may be mended in the meantime.
      if (response.status === 400 || response.status === 413 || response.status === 422) return { refused: text };
      const seconds = Number(response.headers.get("Retry-After") ?? Number.NaN);
      return seconds > 0 ? { retry: text, afterMs: seconds * 1000 } : { retry: text };
    } catch (error) {
      return { retry: error instanceof Error ? error.message : String(error) };
    }
  }
}

/** The first bytes of an answer's text. */
async function beginning(response: Response): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length >= COMPLAINT_MAX) break; // which closes the connection
  }
  return text.slice(0, COMPLAINT_MAX).trim();
}
