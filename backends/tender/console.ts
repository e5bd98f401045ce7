/**
 * Standard output and error of the tender, and its end.
 *
 * The guest's console is standard output, byte for byte; what the tender itself has to say goes to standard error.
 *
 * @module
 */
import { addressOf, errno } from "../../runtime/ffi.ts";
import { DOUBTS_MAX, EAGAIN, EINTR, libc, SystemError } from "./libc.ts";
import { PROGRAM_NAME } from "./tender-error.ts";
import { waitUntilWritable } from "./wait.ts";

const STDOUT = 1;
const STDERR = 2;
const encoder = new TextEncoder();

/**
 * Writes all bytes at an address, waiting as long as the reader is slow.
 *
 * @throws {SystemError} if the other side has gone or takes nothing
 */
function writeAll(descriptor: number, address: number, length: number): void {
  let done = 0;
  let doubts = 0;
  while (done < length) {
    const count = Number(libc.write(descriptor, address + done, length - done));
    if (count > 0) {
      done += count;
      continue;
    }
    const reason = count === 0 ? EAGAIN : errno();
    if (reason === EAGAIN) waitUntilWritable(descriptor);
    else if (reason !== EINTR && ++doubts > DOUBTS_MAX) throw new SystemError(reason);
  }
}

/** Writes guest memory to the guest's console. @throws {SystemError} as {@link writeAll} */
export function writeConsole(address: number, length: number): void {
  writeAll(STDOUT, address, length);
}

/** Writes text to standard error as it is. If that is closed, nobody can be told. */
export function complainRaw(text: string): void {
  const bytes = encoder.encode(text);
  try {
    writeAll(STDERR, addressOf(bytes), bytes.length);
  } catch (error) {
    // Nowhere is left to say so; the exit status still tells.
    if (!(error instanceof SystemError)) throw error;
  }
}

/** Writes a line to standard error, behind the program's name. */
export function complain(line: string): void {
  complainRaw(`${PROGRAM_NAME}: ${line}\n`);
}

/** Ends the process at once: no event loop, no exit handlers, nothing that could wait. */
export function exitNow(status: number): never {
  libc._exit(status & 0xff);
  throw new Error("Cannot end the process: _exit returned");
}
