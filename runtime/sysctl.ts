/**
 * The state of FreeBSD's kernel by sysctl(3).
 *
 * @module
 */
import { cString, errno, libcNames, openLibrary } from "./ffi.ts";
import { SystemError } from "./system-error.ts";

const ENOMEM = 12;

/** How often a value is asked for that grows while it is read. */
export const SYSCTL_ATTEMPTS = 8;

/** The longest value that is taken, bytes: some 15,000 processes. */
export const SYSCTL_LIMIT = 16 * 1024 * 1024;

interface Calls {
  sysctl(
    name: Int32Array,
    words: number,
    value: Uint8Array | null,
    length: BigUint64Array,
    fresh: number,
    freshLength: number,
  ): number;
  sysctlbyname(
    name: Uint8Array,
    value: Uint8Array | null,
    length: BigUint64Array,
    fresh: number,
    freshLength: number,
  ): number;
}

/** Reads values of the kernel. */
export class Sysctl {
  readonly #names: readonly string[];
  #calls: Calls | undefined;

  /** @param names the C library; opened at the first call */
  constructor(names: readonly string[] = libcNames) {
    this.#names = names;
  }

  /**
   * The value of a numeric name, at most `size` bytes: longer ones are an error.
   *
   * @param attempt what is attempted, `Cannot …`, for the error
   * @throws {SystemError} with the kernel's refusal
   * @throws {LibraryError} if this is no FreeBSD
   */
  read(attempt: string, name: readonly number[], size: number): Uint8Array {
    const words = Int32Array.from(name);
    return this.#call(attempt, size, (calls, value, length) => calls.sysctl(words, words.length, value, length, 0, 0));
  }

  /** As {@link Sysctl.read}, by a name as text. */
  readNamed(attempt: string, name: string, size: number): Uint8Array {
    const text = cString(name);
    return this.#call(attempt, size, (calls, value, length) => calls.sysctlbyname(text, value, length, 0, 0));
  }

  /** As {@link Sysctl.read}, for a value of any length up to {@link SYSCTL_LIMIT}. */
  readAll(attempt: string, name: readonly number[]): Uint8Array {
    const words = Int32Array.from(name);
    for (let round = 1; ; round++) {
      const length = BigUint64Array.of(0n);
      if (this.#open().sysctl(words, words.length, null, length, 0, 0) !== 0) throw new SystemError(attempt, errno());
      // Room for what appears in between.
      const size = Math.min(SYSCTL_LIMIT, Math.ceil(Number(length[0]) * 1.25) + 1024);
      try {
        return this.read(attempt, name, size);
      } catch (error) {
        const grown = error instanceof SystemError && error.errno === ENOMEM;
        if (!grown || size === SYSCTL_LIMIT || round === SYSCTL_ATTEMPTS) throw error;
      }
    }
  }

  #open(): Calls {
    this.#calls ??= openLibrary(this.#names, {
      sysctl: { args: ["buffer", "u32", "buffer", "buffer", "pointer", "u64"], returns: "i32" },
      sysctlbyname: { args: ["buffer", "buffer", "buffer", "pointer", "u64"], returns: "i32" },
    });
    return this.#calls;
  }

  #call(
    attempt: string,
    size: number,
    call: (calls: Calls, value: Uint8Array, length: BigUint64Array) => number,
  ): Uint8Array {
    const calls = this.#open();
    const value = new Uint8Array(size);
    const length = BigUint64Array.of(BigInt(size));
    if (call(calls, value, length) !== 0) throw new SystemError(attempt, errno());
    return value.subarray(0, Number(length[0]));
  }
}
