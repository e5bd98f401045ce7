/**
 * What Bun keeps of modules that it has translated: files in a folder that the environment names, which it later runs
 * instead of the modules. Only for Bun.
 *
 * @module
 */
import { cString, errno, libcNames, openLibrary } from "./ffi.ts";
import { SystemError } from "./system-error.ts";

const VARIABLE = "BUN_RUNTIME_TRANSPILER_CACHE_PATH";

/**
 * Has modules translated anew each time, from now on: a home directory may be somebody else's. The runtime looks at the
 * environment of the process, which assignments to `process.env` do not reach.
 *
 * @throws {SystemError} if there is no memory
 */
export function disableTranspilerCache(): void {
  const { setenv } = openLibrary(libcNames, { setenv: { args: ["buffer", "buffer", "i32"], returns: "i32" } });
  if (setenv(cString(VARIABLE), cString("0"), 1) !== 0) {
    throw new SystemError("Cannot keep translated modules from being kept", errno());
  }
}
