/**
 * Finds programs as a shell does.
 *
 * @module
 */
import { accessSync, constants, statSync } from "node:fs";
import { join, resolve } from "node:path";

/** Whether there is a file that this program may execute. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false; // not there, or not for us
  }
}

/** The absolute path of a program, looked for in `searchPath` as in `PATH`; `undefined` if there is none. */
export function findProgram(name: string, searchPath: string): string | undefined {
  const directories = searchPath.split(":").map((directory) => (directory === "" ? "." : directory));
  const found = directories.map((directory) => join(directory, name)).find(isExecutable);
  return found === undefined ? undefined : resolve(found);
}
