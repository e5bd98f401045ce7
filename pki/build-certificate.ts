/**
 * Builds and signs certificates: the fields and extensions of pki.md 3, nothing else.
 *
 * Written by hand, not with a library, since one is made for every remote command and may hold an image.
 *
 * @module
 */
import { Writer } from "../core/wire/der-writer.ts";
import { encodeSignatureAlgorithm, signatureOf } from "./algorithms.ts";
import { BOOLEAN, context, INTEGER, OCTET_STRING, SEQUENCE, writeBits, writeOid, writeTime } from "./der.ts";
import { encodeCommonName } from "./distinguished-name.ts";
import { type PrivateKey, sign } from "./keys.ts";
import * as oids from "./oids.ts";

/** An extension to be written. */
export interface NewExtension {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Uint8Array;
}

/** What a certificate shall say. */
export interface CertificateFields {
  /** Content of the INTEGER. */
  readonly serial: Uint8Array;
  /** The issuer's whole Name. */
  readonly issuer: Uint8Array;
  readonly commonName: string;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  /** Milliseconds since 1970. */
  readonly notAfter: number;
  readonly publicKeyInfo: Uint8Array;
  /** In the order they are written. */
  readonly extensions: readonly NewExtension[];
}

/** Bytes expected of everything but the extensions' values and the key. */
const ORDINARY_CAPACITY = 1024;

/** Builds a certificate and signs it. */
export async function buildCertificate(fields: CertificateFields, key: PrivateKey): Promise<Uint8Array<ArrayBuffer>> {
  const algorithm = encodeSignatureAlgorithm(signatureOf(key.algorithm));
  const body = encodeBody(fields, algorithm);
  return encodeSigned(body, algorithm, await sign(key, body));
}

/** The frame of everything signed: a SEQUENCE of what is signed, the algorithm and the signature. */
export function encodeSigned(body: Uint8Array, algorithm: Uint8Array, signature: Uint8Array): Uint8Array<ArrayBuffer> {
  const writer = new Writer(body.length + algorithm.length + signature.length + 16);
  writeBits(writer, signature);
  writer.bytes(algorithm);
  writer.bytes(body);
  writer.header(SEQUENCE, 0);
  return writer.finish();
}

function encodeBody(fields: CertificateFields, algorithm: Uint8Array): Uint8Array<ArrayBuffer> {
  const { extensions, publicKeyInfo } = fields;
  const size = extensions.reduce((sum, { value }) => sum + value.length, publicKeyInfo.length);
  const writer = new Writer(size + ORDINARY_CAPACITY);
  for (const extension of extensions.toReversed()) writeExtension(writer, extension);
  writer.header(SEQUENCE, 0);
  writer.header(context(3), 0);
  writer.bytes(publicKeyInfo);
  writer.bytes(encodeCommonName(fields.commonName));
  const validity = writer.size;
  writeTime(writer, fields.notAfter);
  writeTime(writer, fields.notBefore);
  writer.header(SEQUENCE, validity);
  writer.bytes(fields.issuer);
  writer.bytes(algorithm);
  const serial = writer.size;
  writer.bytes(fields.serial);
  writer.header(INTEGER, serial);
  const version = writer.size;
  writer.int(INTEGER, 2);
  writer.header(context(0), version);
  writer.header(SEQUENCE, 0);
  return writer.finish();
}

/** Puts an extension before what was written. */
export function writeExtension(writer: Writer, { oid, critical, value }: NewExtension): void {
  const mark = writer.size;
  writer.bytes(value);
  writer.header(OCTET_STRING, mark);
  if (critical) {
    writer.byte(0xff);
    writer.byte(1);
    writer.byte(BOOLEAN);
  }
  writeOid(writer, oid);
  writer.header(SEQUENCE, mark);
}

/** Usage of a CA's key: digitalSignature, contentCommitment, keyCertSign, cRLSign. */
const CA_USAGE = Uint8Array.of(0x03, 0x02, 0x01, 0xc6);
/** Usage of a leaf's key: digitalSignature, keyEncipherment. */
const LEAF_USAGE = Uint8Array.of(0x03, 0x02, 0x05, 0xa0);

/** What a certificate may be used for. */
export type Role = "ca" | "client" | "server";

/** The extension keyUsage. */
export function keyUsage(role: Role): NewExtension {
  return { oid: oids.KEY_USAGE, critical: true, value: role === "ca" ? CA_USAGE : LEAF_USAGE };
}

/** The extension basicConstraints, without a limit on the path. */
export function basicConstraints(role: Role): NewExtension {
  const value = role === "ca" ? Uint8Array.of(SEQUENCE, 3, BOOLEAN, 1, 0xff) : Uint8Array.of(SEQUENCE, 0);
  return { oid: oids.BASIC_CONSTRAINTS, critical: true, value };
}

/** The extension extKeyUsage of a leaf. */
export function extendedKeyUsage(role: "client" | "server"): NewExtension {
  const writer = new Writer(16);
  writeOid(writer, role === "client" ? oids.CLIENT_AUTHENTICATION : oids.SERVER_AUTHENTICATION);
  writer.header(SEQUENCE, 0);
  return { oid: oids.EXTENDED_KEY_USAGE, critical: true, value: writer.finish() };
}

/** The extension subjectKeyIdentifier. */
export function subjectKeyIdentifier(identifier: Uint8Array): NewExtension {
  const value = Uint8Array.of(OCTET_STRING, identifier.length, ...identifier);
  return { oid: oids.SUBJECT_KEY_IDENTIFIER, critical: false, value };
}

/** The extension authorityKeyIdentifier, with nothing but the identifier. */
export function authorityKeyIdentifier(identifier: Uint8Array): NewExtension {
  const value = Uint8Array.of(SEQUENCE, identifier.length + 2, 0x80, identifier.length, ...identifier);
  return { oid: oids.AUTHORITY_KEY_IDENTIFIER, critical: false, value };
}
