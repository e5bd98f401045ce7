/**
 * Who wants statistics of whom, and the sending (stats.md 4).
 *
 * Nobody holds up anybody: what a subscriber does not take until the next tick costs it whole samples, never others.
 *
 * @module
 */
import type { Name } from "../../core/name.ts";
import type { Statistics } from "../../core/statistics.ts";
import { encodeFrame } from "../../core/wire/message-codec.ts";
import type { Connection } from "../../runtime/unix-socket.ts";
import type { Log } from "../common/log.ts";

/** Subscriptions at a time, of all connections together. */
export const SUBSCRIPTIONS_MAX = 8192;

/** Subscriptions of one connection. */
export const CONNECTION_SUBSCRIPTIONS_MAX = 64;

/**
 * Bytes that may wait for all subscribers together. Beyond it those that have fallen behind are closed, beginning with
 * whom most bytes wait for: each may have what a single tick gave it, and a tick of many unikernels is large.
 */
export const QUEUES_TOTAL = 64 * 1024 * 1024;

/** A connection with subscriptions. */
export class Subscriber {
  readonly connection: Connection;
  readonly names = new Map<string, Name>();
  /** Samples lost since it fell behind; 0 if it keeps up. */
  lost = 0;

  constructor(connection: Connection) {
    this.connection = connection;
  }
}

/** Subscribers of one name or path. */
interface Group {
  readonly name: Name;
  readonly subscribers: Set<Subscriber>;
}

/** What a tick has measured. */
export interface Measured {
  readonly name: Name;
  readonly statistics: Statistics;
}

/**
 * What may be subscribed to to get the statistics of `name`: all paths and labels on the way from the root to it, and
 * itself. A path that is longer than the one of the name is not among them.
 */
export function namesOnTheWay({ path, label }: Name): readonly string[] {
  const found = [":"];
  path.forEach((_, at) => {
    found.push(`${path.slice(0, at + 1).join(":")}:`, `${path.slice(0, at).join(":")}:${path[at]}`);
  });
  if (label !== undefined) found.push(`${path.join(":")}:${label}`);
  return found;
}

export class Subscriptions {
  readonly #log: Log;
  readonly #groups = new Map<string, Group>();
  #count = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Subscriptions now. */
  get count(): number {
    return this.#count;
  }

  /** Subscribes; once more to the same name changes nothing. @returns whether there was room */
  add(subscriber: Subscriber, name: Name): boolean {
    if (subscriber.names.has(name.text)) return true;
    if (subscriber.names.size >= CONNECTION_SUBSCRIPTIONS_MAX || this.#count >= SUBSCRIPTIONS_MAX) return false;
    const group = this.#groups.get(name.text) ?? { name, subscribers: new Set() };
    this.#groups.set(name.text, group);
    group.subscribers.add(subscriber);
    subscriber.names.set(name.text, name);
    this.#count++;
    return true;
  }

  /** Ends all subscriptions of a connection. */
  remove(subscriber: Subscriber): void {
    for (const key of subscriber.names.keys()) {
      const group = this.#groups.get(key);
      group?.subscribers.delete(subscriber);
      if (group?.subscribers.size === 0) this.#groups.delete(key);
      this.#count--;
    }
    subscriber.names.clear();
  }

  /** Whether anybody wants statistics of `name`. */
  wanted(name: Name): boolean {
    return namesOnTheWay(name).some((key) => this.#groups.has(key));
  }

  /** Sends the samples of a tick to everybody who wants them, and has taken those of the tick before. */
  send(samples: readonly Measured[]): void {
    this.#limitQueues();
    const behind = new Set([...this.#all()].filter(({ connection }) => connection.pending > 0));
    const wanted = new Map<Group, Measured[]>();
    for (const sample of samples) {
      for (const key of namesOnTheWay(sample.name)) {
        const group = this.#groups.get(key);
        if (group === undefined) continue;
        const collected = wanted.get(group);
        if (collected === undefined) wanted.set(group, [sample]);
        else collected.push(sample);
      }
    }
    for (const [{ name, subscribers }, collected] of wanted) {
      let frames: Uint8Array | undefined;
      for (const subscriber of subscribers) {
        if (behind.has(subscriber)) {
          if (subscriber.lost === 0)
            this.#log.warning(`a subscriber of ${name.toDisplay()} is slow, and loses samples`);
          subscriber.lost += collected.length;
          continue;
        }
        if (subscriber.lost > 0) {
          this.#log.warning(
            `a subscriber of ${name.toDisplay()} has caught up after losing ${subscriber.lost} samples`,
          );
          subscriber.lost = 0;
        }
        frames ??= Buffer.concat(collected.map((sample) => frameFor(name, sample)));
        subscriber.connection.send(frames);
      }
    }
  }

  /** Every connection with a subscription, perhaps several times. */
  *#all(): Generator<Subscriber, void> {
    for (const { subscribers } of this.#groups.values()) yield* subscribers;
  }

  #limitQueues(): void {
    const connections = [...new Set(this.#all())].map(({ connection }) => connection);
    let total = connections.reduce((sum, { pending }) => sum + pending, 0);
    if (total <= QUEUES_TOTAL) return;
    for (const connection of connections.sort((a, b) => b.pending - a.pending)) {
      if (total <= QUEUES_TOTAL) return;
      this.#log.warning(`closing a subscriber for whom ${connection.pending} bytes wait: there is no more room`);
      total -= connection.pending;
      connection.destroy();
    }
  }
}

function frameFor(subscription: Name, { name, statistics }: Measured): Uint8Array {
  return encodeFrame({
    header: { sequence: 0n, name: name.dropPrefix(subscription) },
    payload: { kind: "data", data: { kind: "statistics", statistics } },
  });
}
