/**
 * Simple values as JSON, in the conventions of the recorded vectors of the original.
 *
 * Integers beyond 2^53 and all 64-bit numbers are decimal strings, byte strings that are not UTF-8 are
 * `{"bytes_hex": …}`, long byte arrays `{"length": …, "sha256": …}`.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { type ByteString, toBytes, toText } from "../../core/byte-string.ts";
import type { Int } from "../../core/int.ts";

/** What `JSON.stringify` takes without loss. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Byte arrays longer than this are shown as length and digest. */
export const INLINE_BYTES_MAX = 4096;

/** An {@link Int}. */
export function intToJson(value: Int): Json {
  return typeof value === "bigint" ? value.toString() : value;
}

/** A 64-bit number, shown as signed. */
export function int64ToJson(value: bigint): Json {
  return BigInt.asIntN(64, value).toString();
}

/** Bytes as hex digits. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

/** A byte string. */
export function textToJson(value: ByteString): Json {
  return toText(value) ?? { bytes_hex: toHex(toBytes(value)) };
}

/** A byte string that may be absent. */
export function optionalTextToJson(value: ByteString | undefined): Json {
  return value === undefined ? null : textToJson(value);
}

/** Bytes that may be many. */
export function bytesToJson(bytes: Uint8Array): Json {
  if (bytes.length <= INLINE_BYTES_MAX) return toHex(bytes);
  return { length: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
}

const DAY_MS = 86_400_000;

/** An instant given in milliseconds since 1970. */
export function timeToJson(time: number): Json {
  const days = Math.floor(time / DAY_MS);
  const picoseconds = BigInt(time - days * DAY_MS) * 1_000_000_000n;
  const iso = new Date(time).toISOString();
  return { rfc3339: `${iso.slice(0, -1)}000000000-00:00`, days, ps: picoseconds.toString() };
}
