/**
 * File descriptors, below what `node:fs` offers.
 *
 * @module
 */
import { errno, libcNames, openLibrary } from "./ffi.ts";
import { SystemError } from "./system-error.ts";

const F_DUPFD_CLOEXEC = process.platform === "linux" ? 1030 : 17;
const [F_SETFD, FD_CLOEXEC] = [2, 1];
const [SOL_SOCKET, SO_ACCEPTCONN] = process.platform === "linux" ? [1, 30] : [0xffff, 2];

let functions:
  | {
      fcntl(descriptor: number, command: number, argument: number): number;
      close(descriptor: number): number;
      getsockopt(descriptor: number, level: number, option: number, value: Int32Array, length: Uint32Array): number;
    }
  | undefined;

function calls(): NonNullable<typeof functions> {
  functions ??= openLibrary(libcNames, {
    fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
    close: { args: ["i32"], returns: "i32" },
    getsockopt: { args: ["i32", "i32", "i32", "buffer", "buffer"], returns: "i32" },
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

/**
 * Marks a descriptor as close-on-exec: no program that is started gets it.
 *
 * @throws {SystemError} if it is not open
 */
export function closeOnExec(descriptor: number): void {
  if (calls().fcntl(descriptor, F_SETFD, FD_CLOEXEC) !== 0) {
    throw new SystemError(`Cannot mark descriptor ${descriptor} as close-on-exec`, errno());
  }
}

/**
 * Whether a socket listens for connections.
 *
 * @throws {SystemError} if it is not a socket
 */
export function isListening(descriptor: number): boolean {
  const value = new Int32Array(1);
  if (calls().getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, value, Uint32Array.of(4)) !== 0) {
    throw new SystemError(`Cannot ask descriptor ${descriptor} whether it listens`, errno());
  }
  return value[0] === 1;
}
