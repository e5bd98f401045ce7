/**
 * Which delegation certificates were seen, and for which path: a revocation list names serial numbers only.
 *
 * @module
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Name, NameError, parseName } from "../../core/name.ts";
import type { RevocationList } from "../../plugins/tls/revocation-list.ts";

/** Delegations that are remembered, of all tenants. */
export const DELEGATIONS_MAX = 16_384;

/** The file beside the revocation lists. */
export const DELEGATIONS_FILE = "delegations.json";

/** One certificate: the SHA-256 of its issuer's public key and its serial number, both in hex. */
export interface Delegation {
  readonly issuerKey: string;
  readonly serial: string;
  readonly path: Name;
}

/** Remembered in a file, if there is a directory for it. */
export class DelegationMemory {
  readonly #file: string | undefined;
  readonly #known = new Map<string, Delegation>();

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
    for (const delegation of parse(this.#file, text)) this.#known.set(keyOf(delegation), delegation);
  }

  /** How many are remembered. */
  get size(): number {
    return this.#known.size;
  }

  /** Remembers delegations; writes the file if that is news. @throws the system's error */
  remember(delegations: readonly Delegation[]): void {
    let news = false;
    for (const delegation of delegations) {
      const key = keyOf(delegation);
      news ||= this.#known.get(key)?.path.text !== delegation.path.text;
      this.#known.delete(key); // what was seen last is to be the last one
      this.#known.set(key, delegation);
    }
    while (this.#known.size > DELEGATIONS_MAX) this.#forget();
    if (!news || this.#file === undefined) return;
    const rows = [...this.#known.values()].map(({ issuerKey, serial, path }) => ({
      issuerKey,
      serial,
      path: path.text,
    }));
    writeFileSync(`${this.#file}.new`, `${JSON.stringify(rows)}\n`, { mode: 0o600, flush: true });
    renameSync(`${this.#file}.new`, this.#file);
  }

  /** Forgets one: of the tenant, and the path, that has the most, so that nobody can wash out what others have. */
  #forget(): void {
    const ofTenant = largest([...this.#known.values()], ({ path }) => path.path[0]);
    const [oldest] = largest(ofTenant, ({ path }) => path.text);
    if (oldest !== undefined) this.#known.delete(keyOf(oldest));
  }

  /** The paths of delegations by one issuer that a list revokes. */
  revokedPaths(issuerKey: string, list: RevocationList): readonly Name[] {
    return [...this.#known.values()]
      .filter((each) => each.issuerKey === issuerKey && list.revokesSerial(Uint8Array.fromHex(each.serial)))
      .map(({ path }) => path);
  }
}

/** The largest group of those that `by` puts together, in their order. */
function largest(all: readonly Delegation[], by: (delegation: Delegation) => string | undefined): Delegation[] {
  let found: Delegation[] = [];
  for (const group of Map.groupBy(all, by).values()) if (group.length > found.length) found = group;
  return found;
}

function keyOf({ issuerKey, serial }: Delegation): string {
  return `${issuerKey}/${serial}`;
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
