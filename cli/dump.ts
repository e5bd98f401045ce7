/**
 * What a daemon has stored, read from its files: the original's state file, or our database and images (client.md 13).
 *
 * @module
 */
import { closeSync, createReadStream, openSync, readFileSync, readSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { defaultDirectories } from "../client/directories.ts";
import type { Name } from "../core/name.ts";
import { databaseFile, stateFile, storedImageFile } from "../core/paths.ts";
import type { PolicyEntry } from "../core/resources.ts";
import { compareTreeOrder } from "../core/tree.ts";
import type { UnikernelArguments } from "../core/unikernel.ts";
import type { UnikernelType } from "../core/unikernel-type.ts";
import { DecodeError } from "../core/wire/decode-error.ts";
import { decodeState } from "../core/wire/state.ts";
import { UsageError } from "./usage-error.ts";

/** A unikernel as it is stored. */
export interface DumpedUnikernel {
  readonly name: Name;
  readonly type: UnikernelType;
  readonly arguments: UnikernelArguments;
  /** Whether the stored image is a zlib stream. */
  readonly compressed: boolean;
  readonly image: {
    /** Bytes, as stored. */
    readonly length: number;
    /** SHA-256 in hex, where the image is stored by it. */
    readonly sha256?: string;
    /** The bytes as stored. @throws {DumpError} by the iteration if the file of the image is gone */
    readonly chunks: () => AsyncIterable<Uint8Array> | Uint8Array;
  };
}

/** All that is stored, in the order of the tree. */
export interface Dump {
  readonly file: string;
  readonly unikernels: readonly DumpedUnikernel[];
  readonly policies: readonly PolicyEntry[];
}

/** A dump cannot be read. `message` is the original's. */
export class DumpError extends Error {
  override readonly name = "DumpError";
}

/** The values of `options/dump.ts`. */
export interface DumpValues {
  readonly file: string | undefined;
  readonly databaseDirectory: string | undefined;
}

/**
 * The database directory.
 *
 * @throws {UsageError} on systems without a default
 */
export function databaseDirectoryOf({ databaseDirectory }: Pick<DumpValues, "databaseDirectory">): string {
  if (databaseDirectory !== undefined) return databaseDirectory;
  try {
    return defaultDirectories(process.platform).database;
  } catch (cause) {
    throw new UsageError(`${(cause as Error).message} with --dbdir`, { cause });
  }
}

/**
 * Reads what is stored.
 *
 * @throws {DumpError}
 * @throws {UsageError}
 */
export async function readDump(values: DumpValues): Promise<Dump> {
  const folder = databaseDirectoryOf(values);
  const file = fileOf(values.file, folder);
  if (!isThere(file)) throw new DumpError("dump file not found");
  return inOrder(isDatabase(file) ? await readDatabaseDump(file) : readStateDump(file));
}

function fileOf(given: string | undefined, folder: string): string {
  if (given !== undefined) return given.includes("/") ? given : join(folder, given);
  const database = databaseFile(folder);
  return isThere(database) ? database : stateFile(folder);
}

/** Whether a file is there. @throws {DumpError} if this user may not look: nothing is known of it then */
export function isThere(file: string): boolean {
  return reading(() => statSync(file, { throwIfNoEntry: false })) !== undefined;
}

/** What a file of SQLite begins with. */
const SQLITE_MAGIC = "SQLite format 3\0";

function isDatabase(file: string): boolean {
  return reading(() => {
    const descriptor = openSync(file, "r");
    try {
      const head = new Uint8Array(SQLITE_MAGIC.length);
      readSync(descriptor, head, 0, head.length, 0);
      return new TextDecoder("latin1").decode(head) === SQLITE_MAGIC;
    } finally {
      closeSync(descriptor);
    }
  });
}

function reading<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw new DumpError(`error while reading dump file: ${(cause as Error).message}`, { cause });
  }
}

function readStateDump(file: string): Dump {
  const bytes = reading(() => readFileSync(file));
  try {
    const { unikernels, policies } = decodeState(bytes);
    return {
      file,
      unikernels: unikernels.map(({ name, value: { type, compressed, image, ...given } }) => ({
        name,
        type,
        arguments: given,
        compressed,
        image: { length: image.length, chunks: () => image },
      })),
      policies: policies.map(({ name, value }) => ({ name, policy: value })),
    };
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw new DumpError(`couldn't parse dump file: ${cause.message}`, { cause });
  }
}

/** @throws {DumpError} */
export async function readDatabaseDump(file: string): Promise<Dump> {
  const { DatabaseError, readDatabase } = await import("../host/database/read-database.ts");
  try {
    const { unikernels, policies } = readDatabase(file);
    return {
      file,
      unikernels: unikernels.map(({ name, spec: { type, image, arguments: given } }) => ({
        name,
        type,
        arguments: given,
        compressed: false,
        image:
          image === undefined
            ? { length: 0, chunks: () => new Uint8Array() }
            : {
                length: image.size,
                sha256: image.sha256,
                chunks: () => storedImage(storedImageFile(dirname(file), image.sha256)),
              },
      })),
      policies,
    };
  } catch (cause) {
    if (!(cause instanceof DatabaseError)) throw cause;
    throw new DumpError(`couldn't parse dump file: ${cause.message}`, { cause });
  }
}

async function* storedImage(path: string): AsyncGenerator<Uint8Array, void> {
  try {
    yield* createReadStream(path) as AsyncIterable<Uint8Array>;
  } catch (cause) {
    throw new DumpError(`error while reading dump file: ${(cause as Error).message}`, { cause });
  }
}

function inOrder(dump: Dump): Dump {
  const sorted = <T extends { readonly name: Name }>(list: readonly T[]) =>
    [...list].sort((a, b) => compareTreeOrder(a.name, b.name));
  return { ...dump, unikernels: sorted(dump.unikernels), policies: sorted(dump.policies) };
}
