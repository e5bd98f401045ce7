/**
 * Failures of system calls made through the C library, with the system's own words.
 *
 * @module
 */
import { libcNames, openLibrary } from "./ffi.ts";
import { lateUtil } from "./late-modules.ts";

/** The longest text of the system for an error that is taken over, bytes. */
const TEXT_LIMIT = 256;

let describe: ((code: number, buffer: Uint8Array, length: number) => number) | undefined;

/** The C library's words for an error number, e.g. `No such file or directory`. */
export function systemErrorText(code: number): string {
  // The Linux C libraries give the portable variant, which fills the buffer, this name of its own.
  describe ??=
    process.platform === "linux"
      ? openLibrary(libcNames, { __xpg_strerror_r: { args: ["i32", "buffer", "u64"], returns: "i32" } })
          .__xpg_strerror_r
      : openLibrary(libcNames, { strerror_r: { args: ["i32", "buffer", "u64"], returns: "i32" } }).strerror_r;
  const buffer = new Uint8Array(TEXT_LIMIT);
  describe(code, buffer, buffer.length);
  const end = buffer.indexOf(0);
  return new TextDecoder().decode(buffer.subarray(0, end < 0 ? buffer.length : end));
}

/** The name of an error number, e.g. `ENOENT`. */
export function systemErrorName(code: number): string {
  return code > 0 ? lateUtil().getSystemErrorName(-code) : "UNKNOWN";
}

/** A system call failed. */
export class SystemError extends Error {
  override readonly name: string = "SystemError";
  /** The name of the error, e.g. `ENOENT`. */
  readonly code: string;
  /** The number of the error. */
  readonly errno: number;

  /**
   * @param attempt what was attempted, as the first words of the message: `Cannot …`
   * @param errno the number of the error
   * @param advice what to do next, if that is known
   */
  constructor(attempt: string, errno: number, advice?: string) {
    const reason = `${attempt}: ${systemErrorText(errno)} (${systemErrorName(errno)})`;
    super(advice === undefined ? reason : `${reason}. ${advice}`);
    this.code = systemErrorName(errno);
    this.errno = errno;
  }
}
