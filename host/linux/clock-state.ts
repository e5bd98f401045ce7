/**
 * Whether something keeps the clock of this host right.
 *
 * @module
 */
import { libcNames, openLibrary } from "../../runtime/ffi.ts";

/** Bytes of `struct timex`, with room for more. */
const TIMEX_BYTES = 256;

/** What adjtimex(2) gives for a clock that nothing synchronises. */
const TIME_ERROR = 5;

/** Whether the kernel says that the clock is synchronised; `undefined` if it may not be asked. Changes nothing. */
export function isClockSynchronised(): boolean | undefined {
  const { adjtimex } = openLibrary(libcNames, { adjtimex: { args: ["buffer"], returns: "i32" } });
  const state = adjtimex(new Uint8Array(TIMEX_BYTES)); // no mode: it is only read
  return state < 0 ? undefined : state !== TIME_ERROR;
}
