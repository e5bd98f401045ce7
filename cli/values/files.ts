/**
 * Files and directories that must exist when they are named on the command line.
 *
 * @module
 */
import { statSync } from "node:fs";
import { ValueError } from "../../client/value-error.ts";

/**
 * The path itself, if something exists there.
 *
 * @throws {ValueError} `no 'f' file or directory`
 */
export function existingFile(path: string): string {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) {
    throw new ValueError((style) => `no ${style.quote(path)} file or directory`);
  }
  return path;
}

/**
 * The path itself, if it is a directory.
 *
 * @throws {ValueError} `no 'd' directory`
 */
export function existingDirectory(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new ValueError((style) => `no ${style.quote(path)} directory`);
  if (!found.isDirectory()) throw new ValueError((style) => `${style.quote(path)} is not a directory`);
  return path;
}
