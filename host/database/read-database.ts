/**
 * Reads albatrossd's database from outside, whether or not albatrossd runs, without changing anything: no file appears
 * beside it that was not there.
 *
 * @module
 */
import { existsSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import type { PolicyEntry } from "../../core/resources.ts";
import { readPolicies, readUnikernels, type StoredUnikernel } from "./rows.ts";
import { knownVersion } from "./schema.ts";

/** How often a reading is begun anew because albatrossd was started, or ended, in its midst. */
export const READ_ATTEMPTS_MAX = 5;

/** The database cannot be read. */
export class DatabaseError extends Error {
  override readonly name = "DatabaseError";
}

/** What shall run, and within which limits, at one moment. */
export interface DatabaseContent {
  /** That of the root as it was found when albatrossd was started last. */
  readonly policies: readonly PolicyEntry[];
  readonly unikernels: readonly StoredUnikernel[];
}

/**
 * Reads it all, as it is at one moment.
 *
 * @throws {DatabaseError} also if its layout is newer than what is known here
 */
export function readDatabase(file: string): DatabaseContent {
  for (let attempt = 1; ; attempt++) {
    const before = stateOf(file);
    let content: DatabaseContent | undefined;
    let failure: unknown;
    try {
      content = readOnce(file, !before.open);
    } catch (error) {
      failure = error;
    }
    const after = stateOf(file);
    // What nobody else has open is read without a lock: if that was no longer so, it may be a mixture.
    const changed = !before.open && (after.open || after.changed !== before.changed);
    if (changed && attempt < READ_ATTEMPTS_MAX) continue;
    if (content !== undefined && !changed) return content;
    const reason = failure instanceof Error ? failure.message : "it changes again and again";
    throw new DatabaseError(`Cannot read the database ${file}: ${reason}`, { cause: failure });
  }
}

/** Whether somebody has it open (or has crashed with it), and what changes when it is written. */
function stateOf(file: string): { readonly open: boolean; readonly changed: bigint | undefined } {
  const status = statSync(file, { throwIfNoEntry: false, bigint: true });
  return { open: existsSync(`${file}-wal`), changed: status?.mtimeNs };
}

function readOnce(file: string, immutable: boolean): DatabaseContent {
  const location = pathToFileURL(file);
  // Otherwise SQLite would leave its log and its index beside the file.
  if (immutable) location.searchParams.set("immutable", "1");
  const database = new DatabaseSync(location, { readOnly: true });
  try {
    database.exec("BEGIN");
    knownVersion(database);
    return { policies: readPolicies(database), unikernels: readUnikernels(database) };
  } finally {
    database.close();
  }
}
