/**
 * The protocol's primitive types (wire.md 3).
 *
 * @module
 */
import type { ByteString } from "../byte-string.ts";
import { type Int, sortedSet } from "../int.ts";
import { formatMac, MAC_LENGTH, macBytes } from "../mac.ts";
import { type Name, NameError, parseName } from "../name.ts";
import type { MacAddress } from "../unikernel.ts";
import { DecodeError } from "./decode-error.ts";
import { type Codec, convert } from "./der-codec.ts";

const BOOLEAN = 0x01;
const INTEGER = 0x02;
const OCTET_STRING = 0x04;
const NULL = 0x05;
const UTF8_STRING = 0x0c;

/** `INT`: 63 bit. */
export const int: Codec<Int> = {
  identifiers: [INTEGER],
  read: (reader) => reader.int(INTEGER),
  write: (writer, value) => writer.int(INTEGER, value),
};

/** `INT32`: a 32-bit value as an ordinary INTEGER; what lies beyond is taken modulo 2^32, as signed. */
export const int32: Codec<Int> = convert<Int, Int>(
  int,
  (value) => (typeof value === "number" ? value | 0 : Number(BigInt.asIntN(32, value))),
  (value) => value,
);

/** `BOOL`: anything but zero is true. */
export const bool: Codec<boolean> = {
  identifiers: [BOOLEAN],
  read(reader) {
    const length = reader.header(BOOLEAN);
    if (length !== 1) throw new DecodeError("BOOLEAN: not one byte");
    return reader.bytes[reader.at++] !== 0;
  },
  write(writer, value) {
    writer.byte(value ? 0xff : 0);
    writer.byte(1);
    writer.byte(BOOLEAN);
  },
};

/** `NULL`. */
export const nothing: Codec<undefined> = {
  identifiers: [NULL],
  read(reader) {
    if (reader.header(NULL) !== 0) throw new DecodeError("NULL with content");
    return undefined;
  },
  write(writer) {
    writer.byte(0);
    writer.byte(NULL);
  },
};

/** `BYTES`: on decoding a view on the input. */
export const octets: Codec<Uint8Array> = {
  identifiers: [OCTET_STRING],
  read: (reader) => reader.octets(OCTET_STRING),
  write(writer, value) {
    const mark = writer.size;
    writer.bytes(value);
    writer.header(OCTET_STRING, mark);
  },
};

/** `STR`: bytes, unchecked. */
export const text: Codec<ByteString> = {
  identifiers: [UTF8_STRING],
  read: (reader) => reader.text(UTF8_STRING),
  write(writer, value) {
    const mark = writer.size;
    writer.text(value);
    writer.header(UTF8_STRING, mark);
  },
};

/** `STR` with its bytes as they are: on decoding a view on the input. */
export const rawText: Codec<Uint8Array> = {
  identifiers: [UTF8_STRING],
  read: (reader) => reader.octets(UTF8_STRING),
  write(writer, value) {
    const mark = writer.size;
    writer.bytes(value);
    writer.header(UTF8_STRING, mark);
  },
};

const two32 = 0x1_0000_0000n;

/** `INT64`, as unsigned. Of a longer string the first eight bytes count; a shorter one is an error (wire.md 21.1). */
export const int64: Codec<bigint> = {
  identifiers: [OCTET_STRING],
  read(reader) {
    const length = reader.header(OCTET_STRING);
    if (length < 8) throw new DecodeError("INT64: shorter than 8 bytes");
    const { bytes, at } = reader;
    reader.at = at + length;
    const high = word(bytes, at);
    const low = word(bytes, at + 4);
    return high === 0 ? BigInt(low) : BigInt(high) * two32 + BigInt(low);
  },
  write(writer, value) {
    writer.int64(value);
    writer.byte(8);
    writer.byte(OCTET_STRING);
  },
};

function word(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0
  );
}

/** `NAME` (wire.md 15). */
export const nameCodec: Codec<Name> = convert<ByteString, Name>(
  text,
  parseNameStrictly,
  (name) => name.text as ByteString,
);

/** How many names are remembered. The same few come in nearly all messages, and names never change. */
const NAME_CACHE_MAX = 1024;

/** Only names up to this length are remembered, in bytes. */
const NAME_CACHE_TEXT_MAX = 128;

const knownNames = new Map<string, Name>();

/** Parses a name that came in a message or file; a bad one is a {@link DecodeError}. */
export function parseNameStrictly(value: string): Name {
  const known = knownNames.get(value);
  if (known !== undefined) return known;
  try {
    const name = parseName(value);
    if (value.length <= NAME_CACHE_TEXT_MAX) {
      if (knownNames.size >= NAME_CACHE_MAX) knownNames.clear();
      knownNames.set(value, name);
    }
    return name;
  } catch (error) {
    if (error instanceof NameError) throw new DecodeError(error.message, { cause: error });
    throw error;
  }
}

/** `MAC`. */
export const macAddress: Codec<MacAddress> = convert<Uint8Array, MacAddress>(
  octets,
  (bytes) => {
    if (bytes.length !== MAC_LENGTH) throw new DecodeError("bad mac address: Macaddr: MAC is exactly 6 bytes");
    return formatMac(bytes);
  },
  macBytes,
);

/** Ascending and without duplicates, at no cost if it already is. */
export function ascending(values: readonly Int[]): readonly Int[] {
  return isAscending(values) ? values : sortedSet(values);
}

/** As {@link ascending}, for byte strings. */
export function ascendingTexts(values: readonly ByteString[]): readonly ByteString[] {
  return isAscending(values) ? values : [...new Set(values)].sort((a, b) => (a < b ? -1 : 1));
}

function isAscending(values: readonly (Int | ByteString)[]): boolean {
  for (let index = 1; index < values.length; index++) {
    const before = values[index - 1];
    const value = values[index];
    if (before === undefined || value === undefined || !(before < value)) return false;
  }
  return true;
}
