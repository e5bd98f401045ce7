/**
 * File descriptors, below what `node:fs` offers.
 *
 * @module
 */
import { errno, libcNames, openLibrary } from "./ffi.ts";
import { SystemError } from "./system-error.ts";

const F_DUPFD_CLOEXEC = process.platform === "linux" ? 1030 : 17;

let functions:
  | { fcntl(descriptor: number, command: number, argument: number): number; close(descriptor: number): number }
  | undefined;

function calls(): NonNullable<typeof functions> {
  functions ??= openLibrary(libcNames, {
    fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
    close: { args: ["i32"], returns: "i32" },
  });
  return functions;
}

/**
 * A second descriptor (close-on-exec, above 2) for the same open file; the caller closes it.
 *
 * @throws {SystemError} if the descriptor is not open, or too many are
 */
export function duplicateDescriptor(descriptor: number): number {
  const made = calls().fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
  if (made < 0) throw new SystemError(`Cannot duplicate descriptor ${descriptor}`, errno());
  return made;
}

/** Closes a descriptor that came from a foreign function. It is closed in any case, so no failure is reported. */
export function closeDescriptor(descriptor: number): void {
  calls().close(descriptor);
}
