/**
 * PEM: DER in Base64 between lines that say what it is.
 *
 * @module
 */
import { CERTIFICATE_BYTES_MAX } from "./certificate.ts";

/** What stands in the first and last line of a block. */
export type PemLabel = "CERTIFICATE" | "CERTIFICATE REQUEST" | "PRIVATE KEY" | "X509 CRL";

/** One block. */
export interface PemBlock {
  readonly label: string;
  readonly der: Uint8Array<ArrayBuffer>;
}

/** The most blocks in one file. */
export const PEM_BLOCKS_MAX = 256;

/** The longest text, in characters: two of the largest certificates, in Base64 with line ends. */
export const PEM_CHARACTERS_MAX = 3 * CERTIFICATE_BYTES_MAX;

/** Characters per line that are written. */
const LINE = 64;

/** Text that is no PEM, or not the expected one. */
export class PemError extends Error {
  override readonly name = "PemError";
}

const begin = /^-----BEGIN ([A-Z0-9 ]{1,64})-----$/;

/**
 * Splits a text into its blocks. What stands between them is skipped, as comments are.
 *
 * @throws {PemError} if a block is broken, or there is more than the limits allow
 */
export function splitPem(text: string): readonly PemBlock[] {
  if (text.length > PEM_CHARACTERS_MAX) {
    throw new PemError(`Cannot read PEM of more than ${PEM_CHARACTERS_MAX} characters`);
  }
  const blocks: PemBlock[] = [];
  let label: string | undefined;
  let lines: string[] = [];
  for (const raw of text.split("\n")) {
    const line = raw.trim();
    if (label === undefined) {
      label = begin.exec(line)?.[1];
      lines = [];
    } else if (line === `-----END ${label}-----`) {
      if (blocks.length === PEM_BLOCKS_MAX) throw new PemError(`Cannot read PEM of more than ${PEM_BLOCKS_MAX} blocks`);
      blocks.push({ label, der: decode(lines.join(""), label) });
      label = undefined;
    } else if (line.startsWith("-----")) {
      throw new PemError(`Cannot read PEM: a block ${label} does not end`);
    } else {
      lines.push(line);
    }
  }
  if (label !== undefined) throw new PemError(`Cannot read PEM: the block ${label} does not end`);
  return blocks;
}

/**
 * The DER of the blocks of one kind, in order.
 *
 * @throws {PemError}
 */
export function decodePem(text: string, label: PemLabel): readonly Uint8Array<ArrayBuffer>[] {
  return splitPem(text)
    .filter((block) => block.label === label)
    .map((block) => block.der);
}

/**
 * The DER of the only block of one kind.
 *
 * @throws {PemError} if there is none, or several
 */
export function decodeOnePem(text: string, label: PemLabel): Uint8Array<ArrayBuffer> {
  const [first, ...others] = decodePem(text, label);
  if (first === undefined) throw new PemError(`There is no ${label}: a line -----BEGIN ${label}----- is expected`);
  if (others.length > 0) throw new PemError(`There are ${others.length + 1} blocks ${label}, but one is expected`);
  return first;
}

function decode(text: string, label: string): Uint8Array<ArrayBuffer> {
  // The strict form of the runtime takes blanks, which are gone here, but no missing or needless padding.
  try {
    return Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
  } catch (cause) {
    throw new PemError(`Cannot read PEM: ${label} is not Base64`, { cause });
  }
}

/** A block, with a newline at its end. */
export function encodePem(label: PemLabel, der: Uint8Array): string {
  const text = der.toBase64();
  const lines = [`-----BEGIN ${label}-----`];
  for (let at = 0; at < text.length; at += LINE) lines.push(text.slice(at, at + LINE));
  lines.push(`-----END ${label}-----`, "");
  return lines.join("\n");
}
