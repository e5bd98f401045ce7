/**
 * The recorded vectors of the original.
 *
 * @module
 */
import { readFileSync } from "node:fs";

/** One element of a vector file, whatever its shape. */
export interface Vector {
  readonly id?: string;
  readonly description?: string;
  readonly hex?: string;
  readonly error?: string;
  readonly reencoded?: string;
  /** What the encoding decodes to, where that is not what was encoded. */
  readonly decoded_differs?: false | { readonly value: unknown };
  readonly value?: unknown;
  readonly header?: unknown;
  readonly roundtrip?: boolean;
  readonly [key: string]: unknown;
}

/** The content of a vector file. */
export function readVectors(file: string): unknown {
  return JSON.parse(readFileSync(new URL(`../vectors/${file}`, import.meta.url), "utf8"));
}

/** The elements of a vector file that is an array. */
export function vectorList(file: string): readonly Vector[] {
  const content = readVectors(file);
  if (!Array.isArray(content)) throw new Error(`${file} is no array`);
  return content;
}

/** The bytes of hex digits. */
export function unhex(digits: string): Uint8Array {
  return Uint8Array.from(Buffer.from(digits, "hex"));
}

/** Bytes as hex digits. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
