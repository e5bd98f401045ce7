/**
 * Which delegation certificates were seen, and for which paths: a revocation list names serial numbers only.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Name, NameError, parseName } from "../../core/name.ts";
import type { RevocationList } from "../../plugins/tls/revocation-list.ts";

/** Delegations that are remembered, of all tenants. */
export const DELEGATIONS_MAX = 16_384;

/** Delegations that are remembered of one tenant: whoever delegates without end makes no large file for everybody. */
export const TENANT_DELEGATIONS_MAX = 1_024;

/** The file beside the revocation lists. */
export const DELEGATIONS_FILE = "delegations.json";

/** One certificate: the SHA-256 of its issuer's public key and its serial number, both in hex. */
export interface Delegation {
  readonly issuerKey: string;
  readonly serial: string;
  readonly path: Name;
}

/** A delegation, and by which change of the memory it came. */
interface Known extends Delegation {
  readonly change: number;
}

/** Remembered in a file, if there is a directory for it. */
export class DelegationMemory {
  readonly #file: string | undefined;
  readonly #known = new Map<string, Known>();
  /** The last change, and the last one that is in the file. */
  #changes = 0;
  #written = 0;
  #writing: Promise<void> | undefined;

  /** @throws the system's error, or that the file is not what this program writes */
  constructor(directory: string | undefined) {
    this.#file = directory === undefined ? undefined : join(directory, DELEGATIONS_FILE);
    if (this.#file === undefined) return;
    let text: string;
    try {
      text = readFileSync(this.#file, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
      throw error;
    }
    for (const delegation of parse(this.#file, text)) this.#known.set(keyOf(delegation), { ...delegation, change: 0 });
  }

  /** How many are remembered. */
  get size(): number {
    return this.#known.size;
  }

  /**
   * Remembers delegations; resolves once they are in the file. News that come while it is written wait for the next
   * writing, all together.
   *
   * @throws the system's error. They are written when they are seen again, or others are
   */
  async remember(delegations: readonly Delegation[]): Promise<void> {
    let change = 0;
    for (const delegation of delegations) {
      const key = keyOf(delegation);
      const known = this.#known.get(key) ?? { ...delegation, change: ++this.#changes };
      this.#known.delete(key); // what was seen last is to be the last one
      this.#known.set(key, known);
      change = Math.max(change, known.change);
    }
    for (const tenant of new Set(delegations.map(({ path }) => path.path[0]))) {
      const own = [...this.#known.values()].filter(({ path }) => path.path[0] === tenant);
      for (let excess = own.length - TENANT_DELEGATIONS_MAX; excess > 0; excess--) this.#forget(own);
    }
    while (this.#known.size > DELEGATIONS_MAX) this.#forget(largest(this.#known.values(), ({ path }) => path.path[0]));
    const file = this.#file;
    while (file !== undefined && this.#written < change) {
      this.#writing ??= this.#write(file).finally(() => {
        this.#writing = undefined;
      });
      await this.#writing;
    }
  }

  async #write(file: string): Promise<void> {
    const change = this.#changes;
    const rows = [...this.#known.values()].map(({ issuerKey, serial, path }) => ({
      issuerKey,
      serial,
      path: path.text,
    }));
    // Loaded now: it is large, and a delegation is rarely news.
    const { rename, writeFile } = await import("node:fs/promises");
    await writeFile(`${file}.new`, `${JSON.stringify(rows)}\n`, { mode: 0o600, flush: true });
    await rename(`${file}.new`, file);
    this.#written = change;
  }

  /** Forgets one of a tenant: of the path that has the most, so that nobody can wash out what others have. */
  #forget(ofTenant: Known[]): void {
    const [oldest] = largest(ofTenant, ({ path }) => path.text);
    if (oldest === undefined) return;
    ofTenant.splice(ofTenant.indexOf(oldest), 1);
    this.#known.delete(keyOf(oldest));
  }

  /** The delegations by one issuer that a list revokes. */
  revoked(issuerKey: string, list: RevocationList): readonly Delegation[] {
    return [...this.#known.values()].filter((each) => each.issuerKey === issuerKey && revokes(list, each));
  }

  /**
   * The paths on which a new list of an issuer ends what runs: those of delegations that the list before it did not revoke.
   * A path that was revoked before may have been delegated anew. So it only counts if the list revokes no more than the one
   * before, so that it can be about nothing else, and if no delegation of it is known that is still good.
   *
   * @param former what the list before revoked; @param more whether `list` revokes more than that one
   */
  endedPaths(issuerKey: string, list: RevocationList, former: readonly Delegation[], more: boolean): readonly Name[] {
    const revoked = new Set(this.revoked(issuerKey, list));
    const before = new Set(former);
    const good = new Set<string>();
    for (const each of more ? [] : this.#known.values()) {
      if (each.issuerKey === issuerKey && !revoked.has(each)) good.add(each.path.text);
    }
    const ended = [...revoked].filter((each) => !before.has(each) || (!more && !good.has(each.path.text)));
    return [...new Map(ended.map(({ path }) => [path.text, path])).values()];
  }
}

/** The largest group of those that `by` puts together, in their order. */
function largest(all: Iterable<Known>, by: (delegation: Known) => string | undefined): Known[] {
  let found: Known[] = [];
  for (const group of Map.groupBy(all, by).values()) if (group.length > found.length) found = group;
  return found;
}

function revokes(list: RevocationList, { serial }: Delegation): boolean {
  return list.revokesSerial(Uint8Array.fromHex(serial));
}

/** With the path: whoever has the issuer's key certified once more can show the same certificate at another place. */
function keyOf({ issuerKey, serial, path }: Delegation): string {
  return `${issuerKey}/${serial}/${path.text}`;
}

const hexText = /^([0-9a-f]{2})+$/;

function parse(file: string, text: string): readonly Delegation[] {
  try {
    const rows = JSON.parse(text) as unknown;
    if (!Array.isArray(rows)) throw new TypeError("it is no list");
    return rows.map((row: unknown) => {
      const { issuerKey, serial, path } = (row ?? {}) as Record<string, unknown>;
      if (typeof issuerKey !== "string" || typeof serial !== "string" || typeof path !== "string") {
        throw new TypeError("an entry is incomplete");
      }
      if (!hexText.test(issuerKey) || !hexText.test(serial)) throw new TypeError("an entry is no number in hex");
      return { issuerKey, serial, path: parseName(path) };
    });
  } catch (cause) {
    if (!(cause instanceof SyntaxError || cause instanceof TypeError || cause instanceof NameError)) throw cause;
    throw new Error(`Cannot read ${file}: ${cause.message}. Remove it, and what was delegated is forgotten`, { cause });
  }
}
