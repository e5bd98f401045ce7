/**
 * The commands of the console daemon: what they do and what they are answered with (console.md 3).
 *
 * @module
 */
import { fromText } from "../../core/byte-string.ts";
import { INT_MAX, type Int } from "../../core/int.ts";
import type { Name } from "../../core/name.ts";
import { fifoFile } from "../../core/paths.ts";
import { ConsoleDataEncoder } from "../../core/wire/console-data.ts";
import type { History, Payload } from "../../core/wire/message.ts";
import type { Connection } from "../../runtime/unix-socket.ts";
import type { Log } from "../common/log.ts";
import { ConsoleStream } from "./console-stream.ts";
import { HISTORY_SENT_MAX, KEPT_HISTORY_MAX, sendKeptHistory, wantsOlder } from "./kept-history.ts";
import { splitPieces } from "./kept-lines.ts";
import type { KeptStore } from "./kept-store.ts";
import type { LineSplitter } from "./line-splitter.ts";
import { ConsoleRegistry, type ConsoleState } from "./registry.ts";
import { RING_BYTES_MAX, RingBudget } from "./ring.ts";
import { QUEUES_TOTAL, Subscriber } from "./subscriber.ts";

/** Who may watch one console at a time, unless told otherwise. */
export const DEFAULT_SUBSCRIBERS_MAX = 5;

/** Subscriptions at a time, of all consoles together. */
export const SUBSCRIPTIONS_MAX = 2048;

/** Bytes of kept output that are read of each console at the start: enough for what memory has of one. */
const RESTORED_BYTES: number = 2 * RING_BYTES_MAX;

export interface ConsoleOptions {
  readonly tmpdir: string;
  /** Subscribers of one console. */
  readonly maxSubscribers: number;
  /** Longest line kept whole, bytes. */
  readonly maxLine: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: Log;
  /** Where output is kept on disk; without it only memory has it. */
  readonly kept?: KeptStore | undefined;
}

/** A running subscription. */
export interface Subscription {
  /** Sends the history that was asked for. To be called before anything else happens. */
  sendHistory(): void;
  /** Everything queued for the subscriber was taken. */
  drained(): void;
  /** The subscriber has gone. */
  end(): void;
}

function success(text?: string): Payload {
  return {
    kind: "success",
    success: text === undefined ? { kind: "empty" } : { kind: "string", text: fromText(text) },
  };
}

function failure(text: string): Payload {
  return { kind: "failure", text: fromText(text) };
}

/** The refusal of a path where a console is to be named. */
export const pathUsed: Payload = failure("path used instead of name");

/** The refusal of a console where a path is to be named. */
export const nameUsed: Payload = failure("name used");

export class ConsoleService {
  readonly #options: ConsoleOptions;
  readonly #registry = new ConsoleRegistry<Subscriber>(new RingBudget());
  readonly #streams = new Map<ConsoleState<Subscriber>, ConsoleStream>();
  readonly #subscribers = new Set<Subscriber>();
  #opened = 0;

  /** What consoles that were restored end with: the beginning of a line, by name. */
  readonly #begun = new Map<string, { readonly splitter: LineSplitter; readonly time: number }>();

  constructor(options: ConsoleOptions) {
    this.#options = options;
    for (const name of options.kept?.load() ?? []) this.#restore(name);
  }

  /** Takes up what an earlier process kept of a console. Whether it is still active, albatrossd will say. */
  #restore(name: Name): void {
    const { kept, maxLine, log } = this.#options;
    try {
      const pieces = kept?.find(name)?.pieces(RESTORED_BYTES) ?? [];
      const { console, evicted } = this.#registry.activate(name, INT_MAX);
      for (const gone of evicted) kept?.remove(gone);
      const ring = console?.ring;
      if (ring === undefined) return;
      const splitter = splitPieces(pieces, maxLine, (time, batch) => ring.pushLines(time, batch));
      this.#begun.set(name.text, { splitter, time: pieces.at(-1)?.time ?? 0 });
      this.#registry.deactivate(name);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      log.error(`cannot restore the console of ${name.toDisplay()}: ${reason}`);
    }
  }

  /** Whoever looks at a restored console wants to see its last words, even if they are no whole line. */
  #showBegun(name: Name): void {
    const begun = this.#begun.get(name.text);
    if (!this.#begun.delete(name.text) || begun === undefined) return;
    this.#options.kept?.find(name)?.end(begun.time);
    this.#registry.find(name)?.ring?.pushLines(begun.time, begun.splitter.finish());
  }

  /** Fifos that are read now, and that ever were. */
  get fifos(): { readonly active: number; readonly total: number } {
    return { active: this.#streams.size, total: this.#opened };
  }

  /** Reads the fifo of that name, which has a label, from now on. `limit`: how many consoles its path may have. */
  add(name: Name, limit: Int): Payload {
    const { log, tmpdir, maxLine, now, kept } = this.#options;
    const path = fifoFile(tmpdir, name);
    const known = this.#registry.find(name);
    const running = known === undefined ? undefined : this.#streams.get(known);
    try {
      if (running !== undefined) {
        running.renew(path);
        log.debug(`${name.toDisplay()} was added again`);
        return success();
      }
      // The fifo first: one that cannot be opened displaces no history.
      const splitter = this.#begun.get(name.text)?.splitter;
      const stream = new ConsoleStream(path, name, {
        maxLine,
        now,
        splitter,
        ended: (state, error) => this.#ended(state, error),
      });
      this.#begun.delete(name.text);
      const { console, evicted, crowded } = this.#registry.activate(name, limit);
      for (const gone of evicted) {
        kept?.remove(gone);
        log.info(`dropped the history of ${gone.toDisplay()} for ${name.toDisplay()}`);
      }
      if (console === undefined) {
        stream.close();
        log.error(`cannot read ${name.toDisplay()}: there are too many consoles`);
        return failure("opening: too many consoles");
      }
      if (crowded) log.warning(`more consoles are active beside ${name.toDisplay()} than the limit of ${limit}`);
      stream.attach(console, kept?.activate(name));
      this.#streams.set(console, stream);
      this.#opened++;
      log.info(`reading ${name.toDisplay()}`);
      return success();
    } catch (error) {
      log.error(
        `cannot open the console of ${name.toDisplay()}: ${error instanceof Error ? error.message : String(error)}`,
      );
      return failure("opening");
    }
  }

  /**
   * Subscribes a connection to a console, whether or not that exists yet.
   *
   * @returns the answer, and the subscription unless that is a refusal
   */
  subscribe(name: Name, from: History, connection: Connection): { reply: Payload; subscription?: Subscription } {
    const { log, maxSubscribers, now } = this.#options;
    const console = this.#subscribers.size < SUBSCRIPTIONS_MAX ? this.#registry.await(name) : undefined;
    if (console === undefined) return { reply: failure("too many subscriptions, try again later") };
    if (console.subscribers.size >= maxSubscribers) {
      return { reply: failure(`too many subscribers of ${name.toDisplay()}, only ${maxSubscribers} are allowed`) };
    }
    this.#showBegun(name);
    const subscriber = new Subscriber(connection, name, this.#subscribers, now);
    console.subscribers.add(subscriber);
    this.#subscribers.add(subscriber);
    log.debug(`subscriber of ${name.toDisplay()}, now ${console.subscribers.size}`);
    const progressed = () => this.#streams.get(console)?.progressed();
    return {
      reply: success(console.ring === undefined ? "waiting for VM" : "subscribed"),
      subscription: {
        sendHistory: () => {
          this.#sendHistory(console, from, connection);
          subscriber.begin();
        },
        drained() {
          subscriber.caughtUp();
          progressed();
        },
        end: () => {
          this.#subscribers.delete(subscriber);
          this.#registry.unsubscribe(name, subscriber);
          progressed();
        },
      },
    };
  }

  /** The inactive consoles below a path that have a history. */
  inactive(path: Name): Payload {
    const names = this.#registry.inactive(path).map((name) => name.dropPrefix(path));
    return { kind: "success", success: { kind: "consoles", names } };
  }

  /** Stops reading every fifo. Resolves when everything that is kept has been written. */
  async close(): Promise<void> {
    for (const stream of this.#streams.values()) stream.close();
    this.#streams.clear();
    await this.#options.kept?.close();
  }

  #sendHistory(console: ConsoleState<Subscriber>, from: History, connection: Connection): void {
    const { kept, maxLine, log } = this.#options;
    const { ring, name } = console;
    const output = kept?.find(name);
    if (output?.isUpToDate === true && ring !== undefined && wantsOlder(from, ring) && this.#hasRoom(name)) {
      try {
        const limits = { maxLine, least: ring.count };
        if (sendKeptHistory(output.pieces(KEPT_HISTORY_MAX), limits, from, name, connection)) return;
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        log.error(`cannot read what is kept of ${name.toDisplay()}: ${reason}`);
      }
    }
    sendHistory(console, from, connection);
  }

  /** Whether one more history from disk may wait for its subscriber: many who ask and take nothing would take all memory. */
  #hasRoom(name: Name): boolean {
    let total = 0;
    for (const { pending } of this.#subscribers) total += pending;
    if (total + HISTORY_SENT_MAX <= QUEUES_TOTAL) return true;
    this.#options.log.warning(
      `a subscriber of ${name.toDisplay()} gets no more history than memory has: ${total} bytes wait for subscribers`,
    );
    return false;
  }

  #ended(console: ConsoleState<Subscriber>, error: Error | undefined): void {
    const { log } = this.#options;
    this.#streams.delete(console);
    this.#registry.deactivate(console.name);
    this.#options.kept?.deactivate(console.name);
    if (error === undefined) log.info(`the output of ${console.name.toDisplay()} has ended`);
    else log.error(`the output of ${console.name.toDisplay()} is lost: ${error.message}`);
  }
}

/** Sends past lines: all at once, since the history is bounded, so that live lines can only follow. */
function sendHistory(console: ConsoleState<Subscriber>, from: History, connection: Connection): void {
  const { ring, name } = console;
  if (ring === undefined) return;
  const data = new ConsoleDataEncoder(name);
  const out = new Uint8Array(ring.capacity + ring.count * data.room(0));
  let filled = 0;
  const visit = (time: number, bytes: Uint8Array, start: number, end: number) => {
    data.setTime(time);
    filled = data.write(bytes, start, end, out, filled);
  };
  if ("since" in from) ring.since(from.since, visit);
  else ring.last(from.count, visit);
  if (filled > 0) connection.send(out.subarray(0, filled));
}
