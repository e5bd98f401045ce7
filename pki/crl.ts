/**
 * Reads revocation lists (X.509 version 2), and checks by whom they were signed.
 *
 * @module
 */
import { DecodeError } from "../core/wire/decode-error.ts";
import { Reader } from "../core/wire/der-reader.ts";
import { type Certificate, type Extension, readExtensions, readTaggedExtensions } from "./certificate.ts";
import {
  context,
  ENUMERATED,
  GENERALIZED_TIME,
  INTEGER,
  readBits,
  readElement,
  readTime,
  SEQUENCE,
  sameBytes,
  UTC_TIME,
} from "./der.ts";
import { readName } from "./distinguished-name.ts";
import { isSignedBy } from "./keys.ts";
import * as oids from "./oids.ts";
import { decodeOnePem } from "./pem.ts";
import { maySignLists } from "./validate.ts";

/** The largest list, bytes of DER. */
export const CRL_BYTES_MAX = 0x80_0000;

/** The most revoked certificates in one list. */
export const CRL_ENTRIES_MAX = 100_000;

/** The longest number of a list, in bytes (RFC 5280, 5.2.3). */
export const CRL_NUMBER_BYTES_MAX = 20;

/** Bytes that are no revocation list, or one that is not acceptable. */
export class CrlError extends Error {
  override readonly name = "CrlError";
}

/** Why a certificate was revoked, with the numbers of RFC 5280, 5.3.1. */
export const REVOCATION_REASONS = {
  unspecified: 0,
  "key-compromise": 1,
  "ca-compromise": 2,
  "affiliation-changed": 3,
  superseded: 4,
  "cessation-of-operation": 5,
  "certificate-hold": 6,
  "remove-from-crl": 8,
  "privilege-withdrawn": 9,
  "aa-compromise": 10,
} as const;

/** The name of a reason. */
export type RevocationReason = keyof typeof REVOCATION_REASONS;

/** One revoked certificate. */
export interface RevokedCertificate {
  /** Lower-case hex of the bytes of the serial number as encoded: what the serial database holds. */
  readonly serial: string;
  /** Milliseconds since 1970. */
  readonly date: number;
  /** Number of the reason; `undefined` if none is given. */
  readonly reason: number | undefined;
}

/** A revocation list. Byte arrays are views on {@link Crl.der}. */
export interface Crl {
  readonly der: Uint8Array;
  /** The whole Name. */
  readonly issuer: Uint8Array;
  readonly issuerCommonName: string | undefined;
  /** Milliseconds since 1970. */
  readonly thisUpdate: number;
  /** Milliseconds since 1970; `undefined` if the list does not say when the next one comes. */
  readonly nextUpdate: number | undefined;
  /** Grows with every list of an issuer; `undefined` if the list has none. */
  readonly number: bigint | undefined;
  /** By serial number, as in {@link RevokedCertificate.serial}. */
  readonly revoked: ReadonlyMap<string, RevokedCertificate>;
  readonly signedPart: Uint8Array;
  readonly signatureAlgorithm: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * Reads a list in DER or PEM.
 *
 * @throws {CrlError}
 * @throws {PemError} if it is PEM, but not of one list
 */
export function readCrlFile(bytes: Uint8Array): Crl {
  return readCrl(bytes[0] === SEQUENCE ? bytes : decodeOnePem(new TextDecoder().decode(bytes), "X509 CRL"));
}

/**
 * Reads a list. Its signature is not verified.
 *
 * @throws {CrlError} and nothing else
 */
export function readCrl(der: Uint8Array): Crl {
  if (der.length > CRL_BYTES_MAX)
    throw new CrlError(`Cannot read a revocation list of more than ${CRL_BYTES_MAX} bytes`);
  try {
    return read(new Reader(der));
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw new CrlError(`Cannot read the revocation list: ${cause.message}`, { cause });
  }
}

function read(reader: Reader): Crl {
  const all = reader.enter(SEQUENCE);
  const signedFrom = reader.at;
  const body = reader.enter(SEQUENCE);
  if (reader.int(INTEGER) !== 1) throw new DecodeError("not of version 2");
  readElement(reader); // the algorithm again
  const issuer = readName(reader);
  const thisUpdate = readTime(reader);
  const nextUpdate = [UTC_TIME, GENERALIZED_TIME].includes(reader.peek()) ? readTime(reader) : undefined;
  const revoked = reader.peek() === SEQUENCE ? readRevoked(reader) : new Map<string, RevokedCertificate>();
  const extensions = reader.peek() === context(0) ? readTaggedExtensions(reader, 0) : new Map<string, Extension>();
  reader.leave(body);
  const signedPart = reader.bytes.subarray(signedFrom, reader.at);
  const signatureAlgorithm = readElement(reader);
  const signature = readBits(reader);
  reader.leave(all);
  reader.finish();
  const unknown = [...extensions].find(([, { critical }]) => critical);
  if (unknown !== undefined) throw new DecodeError(`unknown critical extension ${unknown[0]}`);
  return {
    der: reader.bytes,
    issuer: issuer.raw,
    issuerCommonName: issuer.commonName,
    thisUpdate,
    nextUpdate,
    number: readNumber(extensions.get(oids.CRL_NUMBER)?.value),
    revoked,
    signedPart,
    signatureAlgorithm,
    signature,
  };
}

function readRevoked(reader: Reader): ReadonlyMap<string, RevokedCertificate> {
  const revoked = new Map<string, RevokedCertificate>();
  const outer = reader.enter(SEQUENCE);
  while (reader.more) {
    if (revoked.size === CRL_ENTRIES_MAX) throw new DecodeError(`more than ${CRL_ENTRIES_MAX} entries`);
    const entry = reader.enter(SEQUENCE);
    const serial = reader.octets(INTEGER).toHex();
    const date = readTime(reader);
    const extensions = reader.more ? readExtensions(reader) : new Map<string, Extension>();
    reader.leave(entry);
    const unknown = [...extensions].find(([oid, { critical }]) => critical && oid !== oids.CRL_REASON);
    if (unknown !== undefined) throw new DecodeError(`unknown critical extension ${unknown[0]}`);
    revoked.set(serial, { serial, date, reason: readReason(extensions.get(oids.CRL_REASON)?.value) });
  }
  reader.leave(outer);
  return revoked;
}

function readReason(value: Uint8Array | undefined): number | undefined {
  if (value === undefined) return undefined;
  const reader = new Reader(value);
  const content = reader.octets(ENUMERATED);
  reader.finish();
  if (content.length !== 1) throw new DecodeError("Reason: not one byte");
  return content[0];
}

function readNumber(value: Uint8Array | undefined): bigint | undefined {
  if (value === undefined) return undefined;
  const reader = new Reader(value);
  const content = reader.octets(INTEGER);
  reader.finish();
  if (content.length === 0 || content.length > CRL_NUMBER_BYTES_MAX || (content[0] ?? 0) >= 0x80) {
    throw new DecodeError("Number: not between 0 and 2^159");
  }
  return content.reduce((number, byte) => number * 256n + BigInt(byte), 0n);
}

/**
 * Checks that a list was made by a CA: the same name, a certificate that may sign lists, and a good signature.
 *
 * @throws {CrlError}
 */
export async function verifyCrl(crl: Crl, issuer: Certificate): Promise<void> {
  const who = issuer.subjectCommonName ?? "the CA";
  const problem = !sameBytes(crl.issuer, issuer.subject)
    ? `it is one of ${crl.issuerCommonName ?? "another CA"}`
    : !maySignLists(issuer)
      ? "the CA's certificate does not allow to sign lists"
      : (await isSignedBy(crl, issuer.publicKeyInfo))
        ? undefined
        : "it was not signed with the CA's key";
  if (problem !== undefined) throw new CrlError(`Cannot take the revocation list as one of ${who}: ${problem}`);
}
