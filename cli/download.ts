/**
 * Files that the client downloads: images, and dumps of block devices (client.md 10).
 *
 * Their names can be foreseen and their directory is shared: a download is written under a name that cannot be, and then
 * renamed, which replaces what is there but never follows a link.
 *
 * @module
 */
import { closeSync, constants, ftruncateSync, openSync, renameSync, unlinkSync, writeSync } from "node:fs";
import { type UnpackOptions, unpacked } from "../client/unpack.ts";
import type { Name } from "../core/name.ts";
import { webCrypto } from "../pki/web-crypto.ts";
import { dataRuns } from "../runtime/sparse.ts";
import { checkReplaceable } from "./replace-file.ts";
import { removedBySignals } from "./unfinished-file.ts";

/** Images are what everybody may see who may see `T` (SECURITY.md); what is on a block device is its owner's business. */
export const [IMAGE_MODE, DUMP_MODE] = [0o644, 0o600];

/** What is written, and how. */
export interface DownloadOptions extends UnpackOptions {
  /** {@link IMAGE_MODE} unless given. */
  readonly mode?: number;
}

/** A download could not be stored. */
export class DownloadError extends Error {
  override readonly name = "DownloadError";
}

/** `$TMPDIR/N.TS`: the name and the start of the client, as `/tmp/:hello.2026-11-21T21:11:34-00:00`. */
export function downloadPath(
  environment: Readonly<Record<string, string | undefined>>,
  name: Name,
  started: number,
): string {
  const directory = environment["TMPDIR"] || "/tmp";
  return `${directory.replace(/(?<=.)\/+$/, "")}/${name.text}.${new Date(started).toISOString().slice(0, 19)}-00:00`;
}

/**
 * Writes an image, or a dump as it comes, into a file, in place of one that is there. Zeros become holes. After a failure
 * nothing has changed.
 *
 * @throws {DownloadError}
 * @throws {ProtocolError} if the data is broken or too long
 * @throws {ClientError} of the iteration
 */
export async function writeDownload(
  path: string,
  image: Uint8Array | AsyncIterable<Uint8Array>,
  compressed: boolean,
  { mode = IMAGE_MODE, ...options }: DownloadOptions = {},
): Promise<void> {
  const temporary = `${path}.${webCrypto.randomUUID()}`;
  onFile(`Cannot create ${path}`, () => checkReplaceable(path));
  using _left = removedBySignals(temporary);
  const file = onFile(`Cannot create ${path}`, () =>
    openSync(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, mode),
  );
  try {
    try {
      let written = 0;
      for await (const chunk of unpacked(image, compressed, options)) {
        onFile(`Cannot write ${path}`, () => writeData(file, chunk, written));
        written += chunk.length;
      }
      onFile(`Cannot write ${path}`, () => ftruncateSync(file, written)); // it may end with zeros
    } finally {
      closeSync(file);
    }
    onFile(`Cannot create ${path}`, () => renameSync(temporary, path));
  } catch (error) {
    onFile(`Cannot remove the incomplete ${temporary}`, () => unlinkSync(temporary));
    throw error;
  }
}

function writeData(file: number, bytes: Uint8Array, position: number): void {
  for (const { start, end } of dataRuns(bytes)) {
    for (let at = start; at < end; ) at += writeSync(file, bytes, at, end - at, position + at);
  }
}

function onFile<Result>(attempted: string, work: () => Result): Result {
  try {
    return work();
  } catch (cause) {
    throw new DownloadError(`${attempted}: ${(cause as Error).message}`, { cause });
  }
}
