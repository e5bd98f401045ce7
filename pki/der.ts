/**
 * What X.509 needs of DER beyond the protocol's own types: object identifiers, UTCTime, elements of any kind.
 *
 * @module
 */
import { fromBytes } from "../core/byte-string.ts";
import { DecodeError } from "../core/wire/decode-error.ts";
import type { Reader } from "../core/wire/der-reader.ts";
import { parseTime } from "../core/wire/der-time.ts";
import type { Writer } from "../core/wire/der-writer.ts";

export const BOOLEAN = 0x01;
export const INTEGER = 0x02;
export const BIT_STRING = 0x03;
export const OCTET_STRING = 0x04;
export const OBJECT_IDENTIFIER = 0x06;
export const ENUMERATED = 0x0a;
export const UTF8_STRING = 0x0c;
export const UTC_TIME = 0x17;
export const GENERALIZED_TIME = 0x18;
export const SEQUENCE = 0x30;
export const SET = 0x31;

/** Identifier of `[tag]` with an element inside. */
export function context(tag: number): number {
  return 0xa0 | tag;
}

/** The longest encoded object identifier that is read, in bytes. */
export const OID_BYTES_MAX = 64;

/** Reads an element of any kind, which stays unread inside: header and content, as a view on the input. */
export function readElement(reader: Reader): Uint8Array {
  const start = reader.at;
  const identifier = reader.peek();
  if ((identifier & 0x1f) === 0x1f) throw new DecodeError("Identifier of several bytes");
  const length = reader.header(identifier);
  reader.at += length;
  return reader.bytes.subarray(start, reader.at);
}

/** Reads an OBJECT IDENTIFIER, as numbers with dots. */
export function readOid(reader: Reader): string {
  const content = reader.octets(OBJECT_IDENTIFIER);
  const last = content.at(-1);
  if (last === undefined || last >= 0x80) throw new DecodeError("OBJECT IDENTIFIER: cut short");
  if (content.length > OID_BYTES_MAX) throw new DecodeError(`OBJECT IDENTIFIER longer than ${OID_BYTES_MAX} bytes`);
  let text = "";
  let arc = 0;
  let begins = true;
  for (const byte of content) {
    if (begins && byte === 0x80) throw new DecodeError("OBJECT IDENTIFIER: redundant form");
    arc = arc * 128 + (byte & 0x7f);
    if (!Number.isSafeInteger(arc)) throw new DecodeError("OBJECT IDENTIFIER: number too large");
    begins = byte < 0x80;
    if (!begins) continue;
    if (text === "") {
      const root = Math.min(2, Math.floor(arc / 40));
      text = `${root}.${arc - 40 * root}`;
    } else {
      text += `.${arc}`;
    }
    arc = 0;
  }
  return text;
}

/** Puts an OBJECT IDENTIFIER before what was written. */
export function writeOid(writer: Writer, oid: string): void {
  const [root = 0, second = 0, ...others] = oid.split(".").map(Number);
  const mark = writer.size;
  for (const arc of [40 * root + second, ...others].reverse()) {
    writer.byte(arc % 128);
    for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) writer.byte(0x80 | (rest % 128));
  }
  writer.header(OBJECT_IDENTIFIER, mark);
}

const utcTime = /^\d{12}Z$/;
const generalizedTime = /^\d{14}Z$/;

/** Reads a UTCTime or GeneralizedTime of the form certificates must have: milliseconds since 1970. */
export function readTime(reader: Reader): number {
  const short = reader.peek() === UTC_TIME;
  const text = fromBytes(reader.octets(short ? UTC_TIME : GENERALIZED_TIME));
  if (!(short ? utcTime : generalizedTime).test(text)) throw new DecodeError("Time: not in the form of certificates");
  // Years of two digits lie between 1950 and 2049 (RFC 5280, 4.1.2.5.1).
  return parseTime(short ? `${text < "50" ? "20" : "19"}${text}` : text);
}

/** The first and the last year that is written as UTCTime. */
const UTC_YEARS = [1950, 2049] as const;

/** Puts a time before what was written, as UTCTime up to the year 2049. `time`: milliseconds since 1970, cut to seconds. */
export function writeTime(writer: Writer, time: number): void {
  const date = new Date(time);
  const year = date.getUTCFullYear();
  const short = year >= UTC_YEARS[0] && year <= UTC_YEARS[1];
  const mark = writer.size;
  writer.byte(0x5a);
  writer.decimal(date.getUTCSeconds(), 2);
  writer.decimal(date.getUTCMinutes(), 2);
  writer.decimal(date.getUTCHours(), 2);
  writer.decimal(date.getUTCDate(), 2);
  writer.decimal(date.getUTCMonth() + 1, 2);
  writer.decimal(short ? year % 100 : year, short ? 2 : 4);
  writer.header(short ? UTC_TIME : GENERALIZED_TIME, mark);
}

/** The content of a BIT STRING of whole bytes, as a view on the input. */
export function readBits(reader: Reader): Uint8Array {
  const content = reader.octets(BIT_STRING);
  if (content[0] !== 0) throw new DecodeError("BIT STRING: not whole bytes");
  return content.subarray(1);
}

/** Puts a BIT STRING of whole bytes before what was written. */
export function writeBits(writer: Writer, bytes: Uint8Array): void {
  const mark = writer.size;
  writer.bytes(bytes);
  writer.byte(0);
  writer.header(BIT_STRING, mark);
}

/** Whether two byte arrays have the same content. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
