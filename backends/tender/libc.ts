/**
 * The C library and system calls the tender stands on.
 *
 * Everything is called by foreign function calls: no stream, no event loop, because the guest occupies the thread that
 * would run them.
 *
 * @module
 */
import { errno, libcNames, memoryAt, openLibrary } from "../../runtime/ffi.ts";

/** Functions of the C library; results below 0 (or -1) mean that {@link errno} tells why. */
export const libc = openLibrary(libcNames, {
  open: { args: ["buffer", "i32"], returns: "i32" },
  close: { args: ["i32"], returns: "i32" },
  read: { args: ["i32", "pointer", "u64"], returns: "i64" },
  write: { args: ["i32", "pointer", "u64"], returns: "i64" },
  pread: { args: ["i32", "pointer", "u64", "i64"], returns: "i64" },
  pwrite: { args: ["i32", "pointer", "u64", "i64"], returns: "i64" },
  lseek: { args: ["i32", "i64", "i32"], returns: "i64" },
  mmap: { args: ["u64", "u64", "i32", "i32", "i32", "i64"], returns: "i64" },
  mprotect: { args: ["pointer", "u64", "i32"], returns: "i32" },
  munmap: { args: ["pointer", "u64"], returns: "i32" },
  ioctl: { args: ["i32", "u64", "u64"], returns: "i32" },
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  timerfd_create: { args: ["i32", "i32"], returns: "i32" },
  timerfd_settime: { args: ["i32", "i32", "pointer", "pointer"], returns: "i32" },
  sigaction: { args: ["i32", "buffer", "pointer"], returns: "i32" },
  pthread_sigmask: { args: ["i32", "buffer", "pointer"], returns: "i32" },
  prctl: { args: ["i32", "u64", "u64", "u64", "u64"], returns: "i32" },
  syscall: { args: ["i64", "u64", "u64", "u64", "u64", "u64"], returns: "i64" },
  clock_gettime: { args: ["i32", "buffer"], returns: "i32" },
  getpid: { args: [], returns: "i32" },
  strerror: { args: ["i32"], returns: "pointer" },
  _exit: { args: ["i32"], returns: "void" },
});

/** Flags of `open`. */
export const O_RDONLY = 0;
export const O_RDWR = 2;
export const O_NONBLOCK = 0o4000;
export const O_CLOEXEC = 0o2000000;

/** Protections of `mmap` and `mprotect`. */
export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const PROT_EXEC = 4;

/** Error numbers the tender tells apart (the same on all Linux architectures). */
export const EINTR = 4;
export const EAGAIN = 11;
export const EFAULT = 14;

/**
 * How often a call that failed for an unexpected reason is made again before that is believed. While the guest runs, calls
 * of the runtime itself that the sandbox refuses can overwrite `errno` between a failure and the look at it: what was "try
 * again" then looks like "not permitted". A true reason comes again.
 */
export const DOUBTS_MAX = 3;

const MAP_SHARED = 1;
const MAP_PRIVATE = 2;
const MAP_ANONYMOUS = 0x20;
const MAP_NORESERVE = 0x4000;
const LONGEST_ERROR_TEXT = 256;

/** The system's text for an error number, such as `No such file or directory`. */
export function errorText(number: number): string {
  const address = libc.strerror(number);
  if (address === 0) return `Error ${number}`;
  const bytes: number[] = [];
  while (bytes.length < LONGEST_ERROR_TEXT) {
    // Byte by byte: what lies behind the terminator may not be mapped.
    const byte = memoryAt(address + bytes.length, 1)[0] ?? 0;
    if (byte === 0) break;
    bytes.push(byte);
  }
  return new TextDecoder().decode(new Uint8Array(bytes));
}

/** A call into the system that failed; `message` is the system's text alone. */
export class SystemError extends Error {
  override readonly name = "SystemError";
  readonly number: number;

  constructor(number: number = errno()) {
    super(errorText(number));
    this.number = number;
  }
}

/** Opens a file; close-on-exec is always set. @throws {SystemError} */
export function openFile(path: Uint8Array, flags: number): number {
  const descriptor = libc.open(path, flags | O_CLOEXEC);
  if (descriptor < 0) throw new SystemError();
  return descriptor;
}

/** The size of a file or block device in bytes. @throws {SystemError} */
export function sizeOf(descriptor: number): number {
  const end = Number(libc.lseek(descriptor, 0, 2));
  if (end < 0) throw new SystemError();
  return end;
}

/** Zero-filled shared memory: not copied on write, so that KVM, the emulator and the tender see one memory. */
export function mapShared(length: number): number {
  return checked(libc.mmap(0, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
}

/** Zero-filled private memory. @throws {SystemError} */
export function mapPrivate(length: number): number {
  return checked(libc.mmap(0, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

/** Maps the start of a file or device. @throws {SystemError} */
export function mapFile(descriptor: number, length: number): number {
  return checked(libc.mmap(0, length, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0));
}

function checked(address: number | bigint): number {
  const value = Number(address);
  if (value === -1) throw new SystemError();
  return value;
}

/**
 * Reads exactly `length` bytes at `offset` of a file to an address.
 *
 * @returns how many bytes were read: less than asked for only at the end of the file
 * @throws {SystemError}
 */
export function readFully(descriptor: number, address: number, length: number, offset: number): number {
  let done = 0;
  let doubts = 0;
  while (done < length) {
    const count = Number(libc.pread(descriptor, address + done, length - done, offset + done));
    if (count === 0) break;
    if (count > 0) {
      done += count;
      continue;
    }
    const number = errno();
    if (number !== EINTR && ++doubts > DOUBTS_MAX) throw new SystemError(number);
  }
  return done;
}

/**
 * Writes exactly `length` bytes to a position of a file.
 *
 * @returns how many bytes were written: less than asked for only if the file takes no more
 * @throws {SystemError}
 */
export function writeFully(descriptor: number, address: number, length: number, offset: number): number {
  let done = 0;
  let doubts = 0;
  while (done < length) {
    const count = Number(libc.pwrite(descriptor, address + done, length - done, offset + done));
    if (count === 0) break;
    if (count > 0) {
      done += count;
      continue;
    }
    const number = errno();
    if (number !== EINTR && ++doubts > DOUBTS_MAX) throw new SystemError(number);
  }
  return done;
}
