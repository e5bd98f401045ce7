/**
 * Makes and extends revocation lists.
 *
 * @module
 */
import { Writer } from "../core/wire/der-writer.ts";
import { encodeSignatureAlgorithm, signatureOf } from "./algorithms.ts";
import { authorityKeyIdentifier, encodeSigned, writeExtension } from "./build-certificate.ts";
import {
  CRL_ENTRIES_MAX,
  type Crl,
  CrlError,
  REVOCATION_REASONS,
  type RevocationReason,
  type RevokedCertificate,
} from "./crl.ts";
import { context, ENUMERATED, INTEGER, SEQUENCE, writeTime } from "./der.ts";
import { IssueError, type Issuer, issuerKeyIdentifier } from "./issuer.ts";
import { sign } from "./keys.ts";
import * as oids from "./oids.ts";
import { maySignLists } from "./validate.ts";

/** Lists are dated this long before they are made, so that clocks need not agree: milliseconds. */
const BACKDATE_MS = 10_000;

/** What is to be revoked, and when. */
export interface Revocation {
  /** The serial numbers as in {@link RevokedCertificate.serial}. */
  readonly serials: readonly string[];
  readonly reason: RevocationReason;
  /** How long the new list is good, unless a newer one comes: seconds. */
  readonly validitySeconds: number;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/**
 * Makes the list that follows `known`, with more revoked certificates; its number is one higher. Without `known` the
 * first list of the issuer, with the number 0. A certificate that is revoked already keeps its date.
 *
 * @param known verified to be a list of this issuer
 * @returns DER
 * @throws {IssueError} if the issuer may not sign lists
 * @throws {CrlError} if the list is full, or `known` has no number
 */
export async function issueCrl(
  issuer: Issuer,
  known: Crl | undefined,
  revocation: Revocation,
): Promise<Uint8Array<ArrayBuffer>> {
  if (!maySignLists(issuer.certificate)) {
    throw new IssueError("Cannot revoke with this certificate: it does not allow to sign revocation lists");
  }
  if (known !== undefined && known.number === undefined) throw new CrlError("CRL number not present");
  const entries = new Map(known?.revoked);
  const reason = REVOCATION_REASONS[revocation.reason];
  for (const serial of revocation.serials) {
    if (!isSerial(serial)) throw new CrlError(`Cannot revoke ${serial}: it is no serial number in hex`);
    if (!entries.has(serial)) entries.set(serial, { serial, date: revocation.now, reason });
  }
  if (entries.size > CRL_ENTRIES_MAX) throw new CrlError(`Cannot revoke more than ${CRL_ENTRIES_MAX} certificates`);
  const body = await encodeBody(issuer, [...entries.values()], (known?.number ?? -1n) + 1n, revocation);
  return encodeSigned(body, encodeSignatureAlgorithm(signatureOf(issuer.key.algorithm)), await sign(issuer.key, body));
}

/** A serial number as the serial database has it: the shortest form of at most 20 bytes and the zero before them. */
export function isSerial(text: string): boolean {
  return /^(?:[0-9a-f]{2}){1,21}$/.test(text) && !/^(?:00[0-7]|ff[89a-f])/.test(text);
}

/** Bytes expected of an entry, and of everything else. */
const ENTRY_CAPACITY = 64;
const ORDINARY_CAPACITY = 1024;

async function encodeBody(
  issuer: Issuer,
  entries: readonly RevokedCertificate[],
  number: bigint,
  revocation: Revocation,
): Promise<Uint8Array<ArrayBuffer>> {
  const writer = new Writer(ORDINARY_CAPACITY + ENTRY_CAPACITY * entries.length);
  writeExtension(writer, { oid: oids.CRL_NUMBER, critical: false, value: encodeInteger(number) });
  writeExtension(writer, authorityKeyIdentifier(await issuerKeyIdentifier(issuer)));
  writer.header(SEQUENCE, 0);
  writer.header(context(0), 0);
  if (entries.length > 0) {
    const list = writer.size;
    for (const entry of entries.toReversed()) writeEntry(writer, entry);
    writer.header(SEQUENCE, list);
  }
  writeTime(writer, revocation.now + revocation.validitySeconds * 1000);
  writeTime(writer, revocation.now - BACKDATE_MS);
  writer.bytes(issuer.certificate.subject);
  writer.bytes(encodeSignatureAlgorithm(signatureOf(issuer.key.algorithm)));
  writer.int(INTEGER, 1);
  writer.header(SEQUENCE, 0);
  return writer.finish();
}

function writeEntry(writer: Writer, { serial, date, reason }: RevokedCertificate): void {
  const mark = writer.size;
  // No reason is written as none, not as "unspecified" (RFC 5280, 5.3.1).
  if (reason !== undefined && reason !== REVOCATION_REASONS.unspecified) {
    writeExtension(writer, { oid: oids.CRL_REASON, critical: false, value: Uint8Array.of(ENUMERATED, 1, reason) });
    writer.header(SEQUENCE, mark);
  }
  writeTime(writer, date);
  const number = writer.size;
  for (let at = serial.length - 2; at >= 0; at -= 2) writer.byte(Number.parseInt(serial.slice(at, at + 2), 16));
  writer.header(INTEGER, number);
  writer.header(SEQUENCE, mark);
}

/** A non-negative INTEGER of any size. */
function encodeInteger(value: bigint): Uint8Array {
  const digits = value.toString(16);
  const even = digits.length % 2 === 0 ? digits : `0${digits}`;
  const padded = Number.parseInt(even.slice(0, 2), 16) >= 0x80 ? `00${even}` : even;
  const content = padded.match(/../g)?.map((pair) => Number.parseInt(pair, 16)) ?? [];
  return Uint8Array.of(INTEGER, content.length, ...content);
}
