/**
 * Receiving datagrams on Unix sockets, which `node:dgram` lacks.
 *
 * @module
 */
import assert from "node:assert/strict";
import { libcNames, openLibrary } from "../../runtime/ffi.ts";

const [AF_UNIX, SOCK_DGRAM] = [1, 2];

/** A datagram socket with a path; the caller closes its descriptor. */
export function bindDatagrams(path: string): number {
  const libc = openLibrary(libcNames, {
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    bind: { args: ["i32", "buffer", "u32"], returns: "i32" },
  });
  const descriptor = libc.socket(AF_UNIX, SOCK_DGRAM, 0);
  const name = new TextEncoder().encode(path);
  assert.equal(libc.bind(descriptor, Uint8Array.of(AF_UNIX, 0, ...name), 2 + name.length), 0);
  return descriptor;
}
