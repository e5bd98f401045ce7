/**
 * The pages in which this host counts memory.
 *
 * @module
 */
import { libcNames, openLibrary } from "../runtime/ffi.ts";

let size: number | undefined;

/** Bytes of a page (getpagesize(3)): 4096, or more on some arm64 hosts. */
export function pageSize(): number {
  if (size === undefined) {
    const { getpagesize } = openLibrary(libcNames, { getpagesize: { args: [], returns: "i32" } });
    size = getpagesize();
  }
  return size;
}
