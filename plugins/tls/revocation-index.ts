/**
 * The revocation lists in force: the newest of each issuer decides.
 *
 * Issuers are told apart by name and key, since names repeat: two tenants may each have delegated to a `shop`.
 *
 * @module
 */
import { type RevocationList, subjectKey } from "./revocation-list.ts";

/** Lists, by the name of their issuer. The index owns them. */
export class RevocationIndex {
  readonly #lists = new Map<string, RevocationList[]>();
  #count = 0;

  /** How many lists there are. */
  get size(): number {
    return this.#count;
  }

  /** Adds a list, which belongs to the index from now on. */
  add(list: RevocationList): void {
    const same = this.#lists.get(list.issuer) ?? [];
    same.push(list);
    same.sort((a, b) => Number((b.number ?? -1n) - (a.number ?? -1n)));
    this.#lists.set(list.issuer, same);
    this.#count++;
  }

  /** Removes and frees a list. */
  remove(list: RevocationList): void {
    const same = this.#lists.get(list.issuer) ?? [];
    const at = same.indexOf(list);
    if (at < 0) return;
    same.splice(at, 1);
    if (same.length === 0) this.#lists.delete(list.issuer);
    this.#count--;
    list.free();
  }

  /** The newest list of an issuer (an X509 of OpenSSL); `undefined` if there is none. */
  listOf(issuer: number): RevocationList | undefined {
    return this.#lists.get(subjectKey(issuer))?.find((list) => list.isFrom(issuer));
  }

  /** Whether a certificate was revoked by its issuer. Both are X509 of OpenSSL. */
  isRevoked(certificate: number, issuer: number): boolean {
    if (this.#count === 0) return false;
    return this.listOf(issuer)?.revokes(certificate) === true;
  }

  /** Frees everything. */
  free(): void {
    for (const same of this.#lists.values()) for (const list of same) list.free();
    this.#lists.clear();
    this.#count = 0;
  }
}
