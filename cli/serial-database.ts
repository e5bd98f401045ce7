/**
 * The serial database: one line for every certificate issued (pki.md 11).
 *
 * @module
 */
import { closeSync, constants, fstatSync, fsyncSync, openSync, readSync, writeSync } from "node:fs";
import { lock } from "./file-lock.ts";
import { readTextFile } from "./pki-files.ts";
import { UsageError } from "./usage-error.ts";

/** Line ends within a common name would make several entries of one. */
const lineEnds = /[\r\n]+/g;

/**
 * Adds an entry. The file is locked meanwhile, made if it is missing, and written through to the disk, so that no
 * certificate exists without its entry.
 *
 * @throws {UsageError} if it cannot be written, or another process holds it for too long
 */
export async function recordSerial(path: string, serial: Uint8Array, commonName: string): Promise<void> {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT, 0o644);
    await lock(descriptor);
    const line = `${serial.toHex()} ${commonName.replaceAll(lineEnds, " ")}\n`;
    const bytes = new TextEncoder().encode(endsInLine(descriptor) ? line : `\n${line}`);
    if (writeSync(descriptor, bytes) !== bytes.length) throw new Error("the disk took only a part of the entry");
    fsyncSync(descriptor);
  } catch (cause) {
    throw new UsageError(`Cannot add to the serial database ${path}: ${(cause as Error).message}`, { cause });
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** Whether the file is empty or its last line complete: a broken entry must not spoil the next one. */
function endsInLine(descriptor: number): boolean {
  const { size } = fstatSync(descriptor);
  const last = new Uint8Array(1);
  return size === 0 || (readSync(descriptor, last, 0, 1, size - 1) === 1 && last[0] === 0x0a);
}

/**
 * The serial numbers that were issued for a common name, in hex, the oldest first. It may be in any case: labels are the same
 * in upper and in lower case, and a certificate for `Tenant` is as good as one for `tenant`.
 *
 * @throws {PkiFileError} if the database cannot be read
 */
export function serialsOf(path: string, commonName: string): readonly string[] {
  return readTextFile(path)
    .split("\n")
    .flatMap((line) => {
      const [, serial, name] = /^([0-9a-f]+) (.*)$/.exec(line) ?? [];
      return serial !== undefined && name?.toLowerCase() === commonName.toLowerCase() ? [serial] : [];
    });
}
