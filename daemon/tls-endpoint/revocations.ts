/**
 * The revocation lists in force, and their directory.
 *
 * @module
 */
import { readdirSync, readFileSync, renameSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RevocationIndex } from "../../plugins/tls/revocation-index.ts";
import {
  keyIdentity,
  REVOCATION_LIST_BYTES_MAX,
  RevocationList,
  RevocationListError,
} from "../../plugins/tls/revocation-list.ts";
import { Refusal } from "./refusal.ts";

/** The most lists in the directory. */
export const REVOCATION_LISTS_MAX = 1024;

/** The most lists that one tenant brings, of its own delegations and those below: each costs every handshake a little. */
export const TENANT_REVOCATION_LISTS_MAX = 64;

/** Bytes of all lists that one tenant brings: in memory they are nine times as large. */
export const TENANT_REVOCATION_BYTES_MAX: number = 4 * REVOCATION_LIST_BYTES_MAX;

/** Lists that tenants leave room for, so that they cannot keep out the one that revokes them. */
export const RESERVED_REVOCATION_LISTS = 64;

/** What files with lists are called. */
const listFile = /\.(crl|pem|der)$/;

/** The directory is not usable. */
export class RevocationsError extends Error {
  override readonly name = "RevocationsError";
}

export class Revocations {
  readonly index = new RevocationIndex();
  readonly #directory: string | undefined;
  readonly #files = new Map<string, RevocationList>();

  /**
   * @param directory where lists are kept; without one there are none
   * @throws {RevocationsError} if a file in it is no list: rather not start than let somebody in who was revoked
   */
  constructor(directory: string | undefined) {
    this.#directory = directory;
    this.reload();
  }

  /** Reads the directory again. @throws {RevocationsError}; everything is as before then */
  reload(): void {
    const directory = this.#directory;
    if (directory === undefined) return;
    const fresh = new Map<string, RevocationList>();
    try {
      const files = readdirSync(directory).filter((file) => listFile.test(file));
      if (files.length > REVOCATION_LISTS_MAX) throw new Error(`there are more than ${REVOCATION_LISTS_MAX} lists`);
      for (const file of files) fresh.set(file, readList(join(directory, file)));
    } catch (cause) {
      for (const list of fresh.values()) list.free();
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new RevocationsError(`Cannot take the revocation lists of ${directory}: ${reason}`, { cause });
    }
    for (const list of this.#files.values()) this.index.remove(list);
    this.#files.clear();
    for (const [file, list] of fresh) this.#put(file, list);
  }

  #put(file: string, list: RevocationList): void {
    const old = this.#files.get(file);
    if (old !== undefined) this.index.remove(old);
    this.#files.set(file, list);
    this.index.add(list);
  }

  /**
   * Takes a list that a client brings, whose certificate was issued by `issuer` (an X509 of OpenSSL).
   *
   * @param tenant the first label of the issuer's path; `undefined` for the CA itself
   * @returns the list, which is in force and on disk now
   * @throws {Refusal} if it is not that issuer's, not newer than the one in force, or cannot be kept
   */
  update(bytes: Uint8Array, issuer: number, tenant: string | undefined): RevocationList {
    const directory = this.#directory;
    if (directory === undefined) {
      throw new Refusal("Cannot update the revocation list: this endpoint keeps none, start it with --crl-directory");
    }
    const list = this.#verified(bytes, issuer);
    try {
      const known = this.index.listOf(issuer);
      if (known?.number !== undefined) {
        if (list.number === undefined) throw new Refusal("CRL number not present");
        if (list.number <= known.number) throw new Refusal("CRL number not increased");
      }
      const file = this.#fileFor(keyIdentity(issuer), tenant, list.der.length);
      store(join(directory, file), list.der);
      this.#put(file, list);
      return list;
    } catch (error) {
      list.free();
      throw error;
    }
  }

  /** The file of an issuer's list: the one that is there, or a new one if there is room for it. @throws {Refusal} */
  #fileFor(identity: string, tenant: string | undefined, size: number): string {
    const files = [...this.#files.keys()];
    const present = files.find((file) => file.startsWith(`${identity}.`));
    const ending = tenant === undefined ? ".crl" : `.${tenant}.crl`;
    const full = (limit: number, whose: string) =>
      new Refusal(`Cannot keep the revocation list: there are ${limit} already${whose}`);
    const own = files.filter((file) => file.slice(identity.length) === ending);
    if (tenant !== undefined) {
      const others = own.filter((file) => file !== present);
      const bytes = others.reduce((sum, file) => sum + (this.#files.get(file)?.der.length ?? 0), size);
      if (bytes > TENANT_REVOCATION_BYTES_MAX) {
        throw new Refusal(`Cannot keep the revocation list: those of ${tenant} would have ${bytes} bytes`);
      }
    }
    if (present !== undefined) return present;
    if (tenant !== undefined && own.length >= TENANT_REVOCATION_LISTS_MAX) {
      throw full(TENANT_REVOCATION_LISTS_MAX, ` of ${tenant}`);
    }
    const limit = REVOCATION_LISTS_MAX - (tenant === undefined ? 0 : RESERVED_REVOCATION_LISTS);
    if (files.length >= limit) throw full(limit, "");
    return `${identity}${ending}`;
  }

  #verified(bytes: Uint8Array, issuer: number): RevocationList {
    let list: RevocationList;
    try {
      list = new RevocationList(bytes);
    } catch (cause) {
      if (cause instanceof RevocationListError) throw new Refusal("couldn't verify CRL", { cause });
      throw cause;
    }
    if (list.isFrom(issuer) && list.isCurrent) return list;
    list.free();
    throw new Refusal("couldn't verify CRL");
  }

  free(): void {
    this.index.free();
    this.#files.clear();
  }
}

function readList(path: string): RevocationList {
  if (statSync(path).size > REVOCATION_LIST_BYTES_MAX) throw new Error(`${path} is too large`);
  try {
    return new RevocationList(readFileSync(path));
  } catch (cause) {
    if (!(cause instanceof RevocationListError)) throw cause;
    throw new Error(`${path}: ${cause.message}`, { cause });
  }
}

/** Either the old list is on disk or the new one. */
function store(path: string, der: Uint8Array): void {
  const fresh = `${path}.new`;
  try {
    writeFileSync(fresh, der, { mode: 0o644, flush: true });
    renameSync(fresh, path);
  } catch (cause) {
    try {
      unlinkSync(fresh);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Refusal(`Cannot keep the revocation list: ${reason}`, { cause });
  }
}
