/**
 * Which consoles there are: names, history, subscribers, and the limits on them. Pure: reading and sending are elsewhere.
 *
 * Consoles belong to a path. The path's limit counts those with a history; where it is exceeded, the history goes that
 * has been inactive for longest. A console without a history, only waited for, takes no place of a real one.
 *
 * @module
 */
import type { Int } from "../../core/int.ts";
import type { Label, Name } from "../../core/name.ts";
import { Ring, type RingBudget } from "./ring.ts";

/** Consoles with a history, over all paths. */
export const CONSOLES_MAX = 4096;

/** Consoles that are only waited for, over all paths. */
export const WAITING_MAX = 1024;

/** A console, with subscribers of type `S`. */
export interface ConsoleState<S> {
  /** Its full name. */
  readonly name: Name;
  /** Its output is being read. */
  readonly active: boolean;
  /** Its history; `undefined` if it is only waited for. */
  readonly ring: Ring | undefined;
  readonly subscribers: Set<S>;
}

interface Entry<S> extends ConsoleState<S> {
  active: boolean;
  ring: Ring | undefined;
  /** Grows with every console that becomes inactive: the smallest is the oldest. */
  inactiveSince: number;
}

/** What {@link ConsoleRegistry.activate} did. */
export interface Activation<S> {
  /** `undefined`: there are too many active consoles already. */
  readonly console: ConsoleState<S> | undefined;
  /** The consoles whose history was dropped for this one. */
  readonly evicted: readonly Name[];
  /** The path has more active consoles than its limit. */
  readonly crowded: boolean;
}

export class ConsoleRegistry<S> {
  readonly #budget: RingBudget;
  /** By path, then label. */
  readonly #paths = new Map<string, Map<Label, Entry<S>>>();
  #withRing = 0;
  #waiting = 0;
  #clock = 0;

  constructor(budget: RingBudget) {
    this.#budget = budget;
  }

  /** The console of that name, which must have a label. */
  find(name: Name): ConsoleState<S> | undefined {
    return this.#find(name);
  }

  /** The console becomes active: it keeps the history it has. `limit`: how many its path may have. */
  activate(name: Name, limit: Int): Activation<S> {
    const evicted: Name[] = [];
    let entry = this.#find(name);
    if (entry?.ring !== undefined) {
      entry.active = true;
      return { console: entry, evicted, crowded: false };
    }
    if (this.#withRing >= CONSOLES_MAX && !this.#evict([...this.#paths.values()], evicted)) {
      return { console: undefined, evicted, crowded: true };
    }
    if (entry === undefined) entry = this.#insert(name);
    else this.#waiting--;
    entry.ring = new Ring(this.#budget);
    entry.active = true;
    this.#withRing++;
    const siblings = this.#paths.get(name.parentPath.key) ?? new Map();
    // One makes room for one: a path without a policy has a limit of 0, and would lose the histories of all at once.
    const crowded = countRings(siblings) > limit && !this.#evict([siblings], evicted);
    return { console: entry, evicted, crowded: crowded && countRings(siblings) > 1 };
  }

  /** The console to subscribe to, made if it does not exist; `undefined` if too many are waited for already. */
  await(name: Name): ConsoleState<S> | undefined {
    const known = this.#find(name);
    if (known !== undefined) return known;
    if (this.#waiting >= WAITING_MAX) return undefined;
    this.#waiting++;
    return this.#insert(name);
  }

  /** The console's output has ended. */
  deactivate(name: Name): void {
    const entry = this.#find(name);
    if (entry === undefined) return;
    entry.active = false;
    entry.inactiveSince = this.#clock++;
  }

  /** A subscriber has gone: a console that nobody waits for any more is forgotten. */
  unsubscribe(name: Name, subscriber: S): void {
    const entry = this.#find(name);
    if (entry === undefined || !entry.subscribers.delete(subscriber)) return;
    if (entry.ring === undefined && entry.subscribers.size === 0) {
      this.#remove(entry);
      this.#waiting--;
    }
  }

  /** The inactive consoles with a history at or below `path`, in descending order, with their full names. */
  inactive(path: Name): readonly Name[] {
    const names: Name[] = [];
    for (const labels of this.#paths.values()) {
      for (const { name, active, ring } of labels.values()) {
        if (!active && ring !== undefined && name.parentPath.isWithin(path)) names.push(name);
      }
    }
    return names.sort((a, b) => (a.text < b.text ? 1 : -1));
  }

  #find(name: Name): Entry<S> | undefined {
    return name.label === undefined ? undefined : this.#paths.get(name.parentPath.key)?.get(name.label);
  }

  #insert(name: Name): Entry<S> {
    if (name.label === undefined) throw new TypeError(`A console needs a name with a label, not ${name.text}`);
    const entry: Entry<S> = { name, active: false, ring: undefined, subscribers: new Set(), inactiveSince: 0 };
    const path = name.parentPath.key;
    const labels = this.#paths.get(path) ?? new Map<Label, Entry<S>>();
    labels.set(name.label, entry);
    this.#paths.set(path, labels);
    return entry;
  }

  #remove({ name }: Entry<S>): void {
    const path = name.parentPath.key;
    const labels = this.#paths.get(path);
    if (name.label !== undefined) labels?.delete(name.label);
    if (labels?.size === 0) this.#paths.delete(path);
  }

  /** Drops the history that has been inactive for longest. Its subscribers wait from then on. */
  #evict(among: readonly ReadonlyMap<Label, Entry<S>>[], evicted: Name[]): boolean {
    let oldest: Entry<S> | undefined;
    for (const labels of among) {
      for (const entry of labels.values()) {
        if (entry.active || entry.ring === undefined) continue;
        if (oldest === undefined || entry.inactiveSince < oldest.inactiveSince) oldest = entry;
      }
    }
    if (oldest === undefined) return false;
    oldest.ring?.clear();
    oldest.ring = undefined;
    this.#withRing--;
    if (oldest.subscribers.size === 0) this.#remove(oldest);
    else this.#waiting++;
    evicted.push(oldest.name);
    return true;
  }
}

function countRings<S>(labels: ReadonlyMap<Label, Entry<S>>): number {
  let count = 0;
  for (const { ring } of labels.values()) if (ring !== undefined) count++;
  return count;
}
