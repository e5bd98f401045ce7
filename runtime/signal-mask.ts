/**
 * The signals that the calling thread blocks; what it starts inherits them.
 *
 * @module
 */
import { libcNames, openLibrary } from "./ffi.ts";

const SIG_SETMASK = process.platform === "linux" ? 2 : 3;

/** Bytes of the largest `sigset_t` of the supported systems. */
const MASK_SIZE = 128;

let setMask: ((how: number, mask: Uint8Array, former: Uint8Array) => number) | undefined;

/** Runs `action` while the calling thread blocks no signal, and restores the former mask in any case. */
export function withSignalsUnblocked<T>(action: () => T): T {
  setMask ??= openLibrary(libcNames, {
    pthread_sigmask: { args: ["i32", "buffer", "buffer"], returns: "i32" },
  }).pthread_sigmask;
  const former = new Uint8Array(MASK_SIZE);
  setMask(SIG_SETMASK, new Uint8Array(MASK_SIZE), former);
  try {
    return action();
  } finally {
    setMask(SIG_SETMASK, former, new Uint8Array(MASK_SIZE));
  }
}
