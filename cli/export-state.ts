/**
 * Writes a state file of the original from the database and the images of albatrossd, which may run meanwhile.
 *
 * @module
 */
import { createHash, randomUUID } from "node:crypto";
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import type { Name } from "../core/name.ts";
import { isBackendType } from "../core/unikernel-type.ts";
import { encodeStateAround } from "../core/wire/state.ts";
import { type Dump, DumpError, type DumpedUnikernel, isThere, readDatabaseDump } from "./dump.ts";
import { checkReplaceable } from "./replace-file.ts";
import { removedBySignals } from "./unfinished-file.ts";

/** How often the database is read anew because an image was removed since, together with its unikernel. */
export const EXPORT_ATTEMPTS_MAX = 5;

/** Arguments of unikernels may be secrets. */
const FILE_MODE = 0o600;

/** The state file cannot be written. */
export class ExportError extends Error {
  override readonly name = "ExportError";
}

/** An image that the database needs is not there, or is not what it should be. */
class ImageLostError extends ExportError {}

/** What was written. */
export interface Exported {
  readonly unikernels: number;
  readonly policies: number;
  /** Those of a type that the original does not know: it would not read the file at all. */
  readonly leftOut: readonly Name[];
}

/**
 * Writes `path` whole and to the disk, or not at all.
 *
 * @throws {DumpError} if the database cannot be read
 * @throws {ExportError}
 */
export async function writeState(database: string, path: string): Promise<Exported> {
  if (!isThere(database)) throw new DumpError(`there is no database of albatrossd at ${database}`);
  for (let attempt = 1; ; attempt++) {
    const { unikernels: all, ...dump } = await readDatabaseDump(database);
    const unikernels = all.filter(({ type }) => !isBackendType(type));
    try {
      await writeDump({ ...dump, unikernels }, path);
      const leftOut = all.flatMap(({ name, type }) => (isBackendType(type) ? [name] : []));
      return { unikernels: unikernels.length, policies: dump.policies.length, leftOut };
    } catch (error) {
      // It was destroyed or replaced just now, unless it stays like that.
      if (!(error instanceof ImageLostError) || attempt === EXPORT_ATTEMPTS_MAX) throw error;
    }
  }
}

async function writeDump(dump: Dump, path: string): Promise<void> {
  const byName = new Map(dump.unikernels.map((unikernel) => [unikernel.name.text, unikernel]));
  const parts = encodeStateAround({
    unikernels: dump.unikernels.map(({ name, type, arguments: given, image }) => ({
      name,
      value: { ...given, type, compressed: false, image: new Uint8Array(), imageSize: image.length },
    })),
    policies: dump.policies.map(({ name, policy }) => ({ name, value: policy })),
  });
  const temporary = `${path}.${randomUUID()}`;
  onFile(path, () => checkReplaceable(path));
  using _left = removedBySignals(temporary);
  const file = onFile(path, () => openSync(temporary, "wx", FILE_MODE));
  try {
    try {
      for (const part of parts) {
        if (part instanceof Uint8Array) {
          onFile(path, () => writeAll(file, part));
          continue;
        }
        const unikernel = byName.get(part.imageOf.text);
        if (unikernel === undefined) throw new TypeError(`${part.imageOf.text} is in no dump`);
        await writeImage(file, path, unikernel);
      }
      onFile(path, () => fsyncSync(file));
    } finally {
      closeSync(file);
    }
    onFile(path, () => renameSync(temporary, path));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  onFile(path, () => syncFolder(dirname(path)));
}

/** Writes an image as it is in the store, if it is what the database says: another one would not start. */
async function writeImage(file: number, path: string, { name, image }: DumpedUnikernel): Promise<void> {
  const lost = (why: string, cause?: unknown) =>
    new ImageLostError(`Cannot write ${path}: the image of ${name.toDisplay()} ${why}`, { cause });
  const hash = createHash("sha256");
  let length = 0;
  const chunks = image.chunks();
  try {
    for await (const chunk of chunks instanceof Uint8Array ? [chunks] : chunks) {
      length += chunk.length;
      if (length > image.length) break;
      hash.update(chunk);
      onFile(path, () => writeAll(file, chunk));
    }
  } catch (cause) {
    if (cause instanceof ExportError) throw cause;
    throw lost(`cannot be read: ${(cause as Error).message}`, cause);
  }
  if (length !== image.length) throw lost("is not as long as it should be");
  if (image.sha256 !== undefined && hash.digest("hex") !== image.sha256) throw lost("is damaged");
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, bytes.length - at);
}

function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function onFile<Result>(path: string, work: () => Result): Result {
  try {
    return work();
  } catch (cause) {
    throw new ExportError(`Cannot write ${path}: ${(cause as Error).message}`, { cause });
  }
}
