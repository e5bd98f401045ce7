/**
 * Writes the user's configuration file, which `client/remotes.ts` reads.
 *
 * @module
 */
import { lstatSync, mkdirSync, realpathSync } from "node:fs";
import { dirname } from "node:path";
import { type Remotes, readRemotes } from "../../client/remotes.ts";
import { alone } from "../file-lock.ts";
import { replaceFile } from "../replace-file.ts";
import { UsageError } from "../usage-error.ts";

/** Only the user may read where keys lie. */
const CONFIG_MODE = 0o600;

/**
 * Reads the configuration, changes it, and writes it whole, readable for the user only; a link is followed.
 *
 * @throws {UsageError}
 * @throws what `change` throws
 */
export async function changeRemotes(path: string, change: (remotes: Remotes) => Remotes): Promise<void> {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new UsageError(`Cannot make the directory of ${path}: ${(cause as Error).message}`, { cause });
  }
  await alone(dirname(path), () => {
    const sorted = [...change(readRemotes(path))].sort(([a], [b]) => (a < b ? -1 : 1));
    const text = `${JSON.stringify({ remotes: Object.fromEntries(sorted) }, undefined, 2)}\n`;
    const linked = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
    replaceFile(linked ? realpathSync(path) : path, text, CONFIG_MODE);
  });
}
