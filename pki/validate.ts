/**
 * Validates a chain against trust anchors, as both sides of a connection do (pki.md 6).
 *
 * The endpoint leaves this to its TLS library. Clients ask it before they connect, so that a chain that no server could
 * accept is reported here, with its own exit status. Name constraints are left to the server: commands have no
 * alternative names.
 *
 * @module
 */
import { DecodeError } from "../core/wire/decode-error.ts";
import { Reader } from "../core/wire/der-reader.ts";
import { type Certificate, CertificateError, isSelfIssued, readCertificate } from "./certificate.ts";
import { CHAIN_MAX } from "./chain.ts";
import { BIT_STRING, BOOLEAN, INTEGER, OCTET_STRING, readOid, SEQUENCE, sameBytes } from "./der.ts";
import { isSignedBy } from "./keys.ts";
import * as oids from "./oids.ts";

/** A chain that no peer with these trust anchors accepts. `message` is the original's; `detail` says what is wrong. */
export class ChainValidationError extends Error {
  override readonly name = "ChainValidationError";
  readonly detail: string;

  constructor(detail: string, options?: ErrorOptions) {
    super("TLS validation error of provided certificate chain: invalid certificate chain", options);
    this.detail = detail;
  }
}

/** The most signatures that are checked for one chain: certificates of the same name could make it many. */
export const SIGNATURE_CHECKS_MAX = 64;

const NAME_CONSTRAINTS = "2.5.29.30";

const leafCritical = [
  oids.BASIC_CONSTRAINTS,
  oids.KEY_USAGE,
  oids.EXTENDED_KEY_USAGE,
  "2.5.29.17", // subjectAlternativeName
  "2.5.29.32", // certificatePolicies
];

const issuerCritical = [oids.BASIC_CONSTRAINTS, oids.KEY_USAGE, oids.EXTENDED_KEY_USAGE, NAME_CONSTRAINTS];

/**
 * Validates the chain of a client: that its leaf may be used now by a client, and leads to one of the anchors.
 *
 * @param chain DER, the leaf first; the others in any order, unrelated ones do not matter
 * @param anchors DER of the certificates that are trusted
 * @param now milliseconds since 1970
 * @returns the validated chain: the leaf first, the anchor not included
 * @throws {ChainValidationError} exit status 116
 */
export async function verifyChainLocally(
  chain: readonly Uint8Array[],
  anchors: readonly Uint8Array[],
  now: number,
): Promise<readonly Certificate[]> {
  try {
    const [leaf, ...others] = chain.map(readCertificate);
    if (leaf === undefined) throw new ChainValidationError("It has no certificate");
    checkLeaf(leaf, now);
    const search = new Search(others, anchors.map(readCertificate), now);
    const path = await search.find([leaf]);
    if (path === undefined) throw new ChainValidationError(search.problem);
    return path;
  } catch (cause) {
    if (!(cause instanceof CertificateError || cause instanceof DecodeError)) throw cause;
    throw new ChainValidationError(cause.message, { cause });
  }
}

function describe(certificate: Certificate): string {
  return `The certificate of ${certificate.subjectCommonName ?? "(no common name)"}`;
}

function timeProblem(certificate: Certificate, now: number): string | undefined {
  const { notBefore, notAfter } = certificate;
  if (now >= notAfter) return `${describe(certificate)} expired at ${new Date(notAfter).toISOString()}`;
  if (now <= notBefore) return `${describe(certificate)} is not valid before ${new Date(notBefore).toISOString()}`;
  return undefined;
}

function unknownCritical(certificate: Certificate, known: readonly string[]): string | undefined {
  const found = [...certificate.extensions].find(([oid, { critical }]) => critical && !known.includes(oid));
  return found && `${describe(certificate)} has the unknown critical extension ${found[0]}`;
}

function checkLeaf(leaf: Certificate, now: number): void {
  const problem =
    timeProblem(leaf, now) ??
    unknownCritical(leaf, leafCritical) ??
    (leaf.version === 3 ? undefined : `${describe(leaf)} has version ${leaf.version}, not 3`) ??
    (isAuthority(leaf) && !isSelfIssued(leaf) ? `${describe(leaf)} is that of a CA, not of a client` : undefined) ??
    (hasUsage(leaf, DIGITAL_SIGNATURE, true) ? undefined : `${describe(leaf)} is not for signatures`) ??
    (hasPurpose(leaf, oids.CLIENT_AUTHENTICATION) ? undefined : `${describe(leaf)} is not for clients`);
  if (problem !== undefined) throw new ChainValidationError(problem);
}

/** Why a certificate cannot be the issuer with `between` certificates between it and the leaf. */
function issuerProblem(issuer: Certificate, between: number, now: number): string | undefined {
  const limit = pathLength(issuer);
  return (
    timeProblem(issuer, now) ??
    unknownCritical(issuer, issuerCritical) ??
    (isAuthority(issuer) ? undefined : `${describe(issuer)} is not that of a CA`) ??
    (hasUsage(issuer, KEY_CERT_SIGN, false) ? undefined : `${describe(issuer)} may not sign certificates`) ??
    (hasPurpose(issuer, oids.SERVER_AUTHENTICATION) ? undefined : `${describe(issuer)} is for other purposes`) ??
    (limit === undefined || limit >= between
      ? undefined
      : `${describe(issuer)} allows ${limit} certificates between it and the leaf, here are ${between}`)
  );
}

/** Looks for a way from a leaf to an anchor. */
class Search {
  /** Why no way was found: the most specific reason seen. */
  problem = "It does not lead to a trusted CA";
  readonly #others: readonly Certificate[];
  readonly #anchors: readonly Certificate[];
  readonly #now: number;
  #checks = 0;

  constructor(others: readonly Certificate[], anchors: readonly Certificate[], now: number) {
    this.#others = others;
    this.#anchors = anchors;
    this.#now = now;
  }

  async find(path: readonly Certificate[]): Promise<readonly Certificate[] | undefined> {
    const last = path.at(-1);
    if (last === undefined || path.length > CHAIN_MAX) return undefined;
    for (const anchor of this.#anchors) if (await this.#isIssuer(anchor, last, path.length - 1)) return path;
    for (const other of this.#others) {
      if (path.includes(other) || !(await this.#isIssuer(other, last, path.length - 1))) continue;
      const found = await this.find([...path, other]);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async #isIssuer(issuer: Certificate, of: Certificate, between: number): Promise<boolean> {
    if (!sameBytes(issuer.subject, of.issuer) || !identifiersAgree(issuer, of)) return false;
    const problem = issuerProblem(issuer, between, this.#now);
    if (problem !== undefined) {
      this.problem = problem;
      return false;
    }
    if (++this.#checks > SIGNATURE_CHECKS_MAX) return false;
    if (await isSignedBy(of, issuer.publicKeyInfo)) return true;
    this.problem = `${describe(of)} was not signed by the key of ${issuer.subjectCommonName ?? "its issuer"}`;
    return false;
  }
}

/** Bits of keyUsage, from the most significant one of the first byte. */
const DIGITAL_SIGNATURE = 0x80;
const KEY_CERT_SIGN = 0x04;
const CRL_SIGN = 0x02;

/** Whether keyUsage has a bit, all of which are in the first byte. `absent`: the answer if there is no keyUsage. */
function hasUsage(certificate: Certificate, bit: number, absent: boolean): boolean {
  const extension = certificate.extensions.get(oids.KEY_USAGE);
  if (extension === undefined) return absent;
  // The original writes trailing zero bits, so this is not as strict as DER is.
  const content = new Reader(extension.value).octets(BIT_STRING);
  return ((content[1] ?? 0) & bit) !== 0;
}

/** Whether a CA may sign revocation lists. */
export function maySignLists(certificate: Certificate): boolean {
  return guarded(() => isAuthority(certificate) && hasUsage(certificate, CRL_SIGN, true));
}

/** Whether extKeyUsage is absent, or has a purpose or any. */
function hasPurpose(certificate: Certificate, purpose: string): boolean {
  const extension = certificate.extensions.get(oids.EXTENDED_KEY_USAGE);
  if (extension === undefined) return true;
  const reader = new Reader(extension.value);
  const outer = reader.enter(SEQUENCE);
  let found = false;
  while (reader.more) {
    const oid = readOid(reader);
    found ||= oid === purpose || oid === oids.ANY_PURPOSE;
  }
  reader.leave(outer);
  reader.finish();
  return found;
}

/** The content of basicConstraints. */
function constraints(certificate: Certificate): { readonly authority: boolean; readonly length: number | undefined } {
  const extension = certificate.extensions.get(oids.BASIC_CONSTRAINTS);
  if (extension === undefined) return { authority: false, length: undefined };
  const reader = new Reader(extension.value);
  const outer = reader.enter(SEQUENCE);
  const authority = reader.peek() === BOOLEAN && reader.octets(BOOLEAN)[0] !== 0;
  const length = reader.peek() === INTEGER ? Number(reader.int(INTEGER)) : undefined;
  reader.leave(outer);
  reader.finish();
  return { authority, length };
}

function guarded(check: () => boolean): boolean {
  try {
    return check();
  } catch (error) {
    if (error instanceof DecodeError) return false;
    throw error;
  }
}

/** Whether a certificate is that of a CA. */
export function isAuthority(certificate: Certificate): boolean {
  return guarded(() => constraints(certificate).authority);
}

function pathLength(certificate: Certificate): number | undefined {
  return constraints(certificate).length;
}

/** Key identifiers must be equal only where both certificates have one. */
function identifiersAgree(issuer: Certificate, of: Certificate): boolean {
  const wanted = of.extensions.get(oids.AUTHORITY_KEY_IDENTIFIER);
  const own = issuer.extensions.get(oids.SUBJECT_KEY_IDENTIFIER);
  if (wanted === undefined || own === undefined) return true;
  const reader = new Reader(wanted.value);
  reader.enter(SEQUENCE);
  if (reader.peek() !== 0x80) return true;
  return sameBytes(reader.octets(0x80), new Reader(own.value).octets(OCTET_STRING));
}
