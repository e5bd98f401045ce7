/**
 * The command line that starts this very program again, in another role.
 *
 * @module
 */
import { join } from "node:path";

/** Compiled programs run their own code from a virtual file system. */
const COMPILED_ROOT = "/$bunfs/";

/** Executable and, when it runs from its sources, the entry point. */
export function selfCommand(): readonly string[] {
  if (import.meta.dirname.startsWith(COMPILED_ROOT)) return [process.execPath];
  return [process.execPath, join(import.meta.dirname, "..", "..", "main.ts")];
}
