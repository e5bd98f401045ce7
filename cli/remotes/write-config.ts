/**
 * Writes the user's configuration file, which `client/remotes.ts` reads.
 *
 * @module
 */
import { lstatSync, mkdirSync, realpathSync } from "node:fs";
import { dirname } from "node:path";
import type { Remotes } from "../../client/remotes.ts";
import { replaceFile } from "../replace-file.ts";
import { UsageError } from "../usage-error.ts";

/** Only the user may read where keys lie. */
const CONFIG_MODE = 0o600;

/**
 * Writes the configuration whole, readable for the user only; a link is followed.
 *
 * @throws {UsageError}
 */
export function writeRemotes(path: string, remotes: Remotes): void {
  const sorted = [...remotes].sort(([a], [b]) => (a < b ? -1 : 1));
  const text = `${JSON.stringify({ remotes: Object.fromEntries(sorted) }, undefined, 2)}\n`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new UsageError(`Cannot make the directory of ${path}: ${(cause as Error).message}`, { cause });
  }
  const linked = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  replaceFile(linked ? realpathSync(path) : path, text, CONFIG_MODE);
}
