/**
 * Who may be connected: bounded in total and per address. Clients that have not shown a certificate make room for others.
 *
 * @module
 */

/** A connection that was let in. */
export interface Visitor {
  /** It has sent something. */
  spoke(): void;
  /** It has shown its certificate, and has a place among its tenant's: it is not closed for others any more. */
  authenticated(): void;
  /** It is gone. */
  left(): void;
}

interface Entry {
  readonly evict: () => void;
  readonly group: Group;
}

/** Connections by how far they are, oldest first. */
class Group {
  count = 0;
  readonly silent = new Set<Entry>();
  readonly shaking = new Set<Entry>();

  /** Who is closed first: who has said nothing, then who is still shaking hands; the oldest of them. */
  get weakest(): Entry | undefined {
    const [silent] = this.silent;
    const [shaking] = this.shaking;
    return silent ?? shaking;
  }
}

/** The groups of an IPv6 address that one owner has. */
const NETWORK_GROUPS = 4;

/** What counts as one address: an IPv4 address, or a network of IPv6. */
export function addressGroup(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.split("%")[0]?.split("::") ?? [];
  const front = head === "" ? [] : head.split(":");
  const back = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - front.length - back.length);
  const groups = [...front, ...Array.from({ length: zeros }, () => "0"), ...back];
  return groups.slice(0, NETWORK_GROUPS).join(":");
}

export class Admission {
  readonly #all = new Group();
  readonly #groups = new Map<string, Group>();
  readonly #total: number;
  readonly #perAddress: number;

  constructor(total: number, perAddress: number) {
    this.#total = total;
    this.#perAddress = perAddress;
  }

  /** Connections now. */
  get count(): number {
    return this.#all.count;
  }

  /**
   * Lets a connection in, and another out if there are too many.
   *
   * @param evict closes this connection; called when it has to make room. It is counted as gone then
   * @returns `undefined` if it may not come in: all the others are authenticated
   */
  enter(address: string, evict: () => void): Visitor | undefined {
    const key = addressGroup(address);
    const group = this.#groups.get(key) ?? new Group();
    if (!this.#makeRoom(group, this.#perAddress) || !this.#makeRoom(this.#all, this.#total)) return undefined;
    this.#groups.set(key, group);
    const entry: Entry = { evict, group };
    for (const each of [group, this.#all]) {
      each.count++;
      each.silent.add(entry);
    }
    this.#entries.set(entry, key);
    return {
      spoke: () => this.#move(entry, "shaking"),
      authenticated: () => this.#move(entry, undefined),
      left: () => this.#leave(entry),
    };
  }

  readonly #entries = new Map<Entry, string>();

  #makeRoom(group: Group, limit: number): boolean {
    if (group.count < limit) return true;
    const { weakest } = group;
    if (weakest === undefined) return false;
    this.#leave(weakest);
    weakest.evict();
    return true;
  }

  #move(entry: Entry, to: "shaking" | undefined): void {
    if (!this.#entries.has(entry)) return;
    for (const group of [entry.group, this.#all]) {
      if (to === "shaking" && !group.silent.has(entry)) continue;
      group.silent.delete(entry);
      if (to === undefined) group.shaking.delete(entry);
      else group.shaking.add(entry);
    }
  }

  #leave(entry: Entry): void {
    const key = this.#entries.get(entry);
    if (key === undefined) return;
    this.#entries.delete(entry);
    for (const group of [entry.group, this.#all]) {
      group.count--;
      group.silent.delete(entry);
      group.shaking.delete(entry);
    }
    if (entry.group.count === 0 && this.#groups.get(key) === entry.group) this.#groups.delete(key);
  }
}
