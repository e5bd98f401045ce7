/**
 * Reads X.509 certificates, strictly and without copying: a leaf may hold a whole image.
 *
 * Written for the endpoint, which reads some with every connection. Nothing is verified here but the form.
 *
 * @module
 */
import { DecodeError } from "../core/wire/decode-error.ts";
import { Reader } from "../core/wire/der-reader.ts";
import {
  BOOLEAN,
  context,
  INTEGER,
  OCTET_STRING,
  readBits,
  readElement,
  readOid,
  readTime,
  SEQUENCE,
  sameBytes,
} from "./der.ts";
import { readName } from "./distinguished-name.ts";

/** The largest certificate, bytes of DER: what TLS can carry (pki.md 10). */
export const CERTIFICATE_BYTES_MAX = 0x100_0000;

/** The most extensions of a certificate, request or list entry. */
export const EXTENSIONS_MAX = 64;

/** Bytes that are no certificate. */
export class CertificateError extends Error {
  override readonly name = "CertificateError";
}

/** One extension; `value` is the content of its OCTET STRING, a view on the certificate. */
export interface Extension {
  readonly critical: boolean;
  readonly value: Uint8Array;
}

/** A certificate. All byte arrays are views on {@link Certificate.der}. */
export interface Certificate {
  readonly der: Uint8Array;
  /** 1, 2 or 3. */
  readonly version: number;
  /** The bytes of the serial number as encoded: two's complement, so possibly with a leading zero. */
  readonly serial: Uint8Array;
  /** The whole Name. */
  readonly issuer: Uint8Array;
  readonly issuerCommonName: string | undefined;
  /** The whole Name. */
  readonly subject: Uint8Array;
  /** The last common name of the subject. */
  readonly subjectCommonName: string | undefined;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  /** Milliseconds since 1970. */
  readonly notAfter: number;
  /** By object identifier, as numbers with dots. */
  readonly extensions: ReadonlyMap<string, Extension>;
  /** The whole SubjectPublicKeyInfo. */
  readonly publicKeyInfo: Uint8Array;
  /** What is signed: the whole TBSCertificate. */
  readonly signedPart: Uint8Array;
  /** The whole AlgorithmIdentifier of the signature. */
  readonly signatureAlgorithm: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * Reads a certificate.
 *
 * @throws {CertificateError} and nothing else
 */
export function readCertificate(der: Uint8Array): Certificate {
  if (der.length > CERTIFICATE_BYTES_MAX) {
    throw new CertificateError(`Cannot read a certificate of more than ${CERTIFICATE_BYTES_MAX} bytes`);
  }
  try {
    return read(new Reader(der));
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw new CertificateError(`Cannot read the certificate: ${cause.message}`, { cause });
  }
}

function read(reader: Reader): Certificate {
  const all = reader.enter(SEQUENCE);
  const signedFrom = reader.at;
  const body = reader.enter(SEQUENCE);
  const version = readVersion(reader);
  const serial = reader.octets(INTEGER);
  if (serial.length === 0) throw new DecodeError("INTEGER: length 0");
  readElement(reader); // the algorithm again
  const issuer = readName(reader);
  const validity = reader.enter(SEQUENCE);
  const notBefore = readTime(reader);
  const notAfter = readTime(reader);
  reader.leave(validity);
  const subject = readName(reader);
  const publicKeyInfo = readElement(reader);
  if (publicKeyInfo[0] !== SEQUENCE) throw new DecodeError("Public key: not a sequence");
  for (const unique of [0x81, 0x82]) if (reader.peek() === unique) readElement(reader);
  const extensions = reader.more ? readTaggedExtensions(reader, 3) : new Map<string, Extension>();
  reader.leave(body);
  const signedPart = reader.bytes.subarray(signedFrom, reader.at);
  const signatureAlgorithm = readElement(reader);
  const signature = readBits(reader);
  reader.leave(all);
  reader.finish();
  return {
    der: reader.bytes,
    version,
    serial,
    issuer: issuer.raw,
    issuerCommonName: issuer.commonName,
    subject: subject.raw,
    subjectCommonName: subject.commonName,
    notBefore,
    notAfter,
    extensions,
    publicKeyInfo,
    signedPart,
    signatureAlgorithm,
    signature,
  };
}

function readVersion(reader: Reader): number {
  if (reader.peek() !== context(0)) return 1;
  const outer = reader.enter(context(0));
  const version = Number(reader.int(INTEGER)) + 1;
  reader.leave(outer);
  if (version < 1 || version > 3) throw new DecodeError(`Certificate of the unknown version ${version}`);
  return version;
}

/** Extensions within `[tag] EXPLICIT`. */
export function readTaggedExtensions(reader: Reader, tag: number): ReadonlyMap<string, Extension> {
  const outer = reader.enter(context(tag));
  const extensions = readExtensions(reader);
  reader.leave(outer);
  return extensions;
}

/**
 * Reads a SEQUENCE of extensions; none may come twice.
 *
 * @throws {DecodeError}
 */
export function readExtensions(reader: Reader): ReadonlyMap<string, Extension> {
  const extensions = new Map<string, Extension>();
  const outer = reader.enter(SEQUENCE);
  while (reader.more) {
    if (extensions.size === EXTENSIONS_MAX) throw new DecodeError(`More than ${EXTENSIONS_MAX} extensions`);
    const one = reader.enter(SEQUENCE);
    const oid = readOid(reader);
    let critical = false;
    if (reader.peek() === BOOLEAN) {
      const flag = reader.octets(BOOLEAN);
      if (flag.length !== 1) throw new DecodeError("BOOLEAN: not one byte");
      critical = flag[0] !== 0;
    }
    if (extensions.has(oid)) throw new DecodeError(`Extension ${oid} twice`);
    extensions.set(oid, { critical, value: reader.octets(OCTET_STRING) });
    reader.leave(one);
  }
  reader.leave(outer);
  return extensions;
}

/** Whether issuer and subject are the same name, as those of a root are. */
export function isSelfIssued(certificate: Certificate): boolean {
  return sameBytes(certificate.issuer, certificate.subject);
}
