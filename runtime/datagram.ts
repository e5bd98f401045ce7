/**
 * Datagrams to local (Unix) sockets, which `node:dgram` lacks.
 *
 * @module
 */
import { closeDescriptor } from "./descriptor.ts";
import { errno, libcNames, openLibrary } from "./ffi.ts";
import { SystemError } from "./system-error.ts";

/** How long is waited for a receiver whose queue is full, milliseconds; this program is blocked meanwhile. */
export const DATAGRAM_TIMEOUT = 1000;

const onFreebsd = process.platform === "freebsd";
const AF_UNIX = 1;
const [SOCK_DGRAM_CLOEXEC, MSG_NOSIGNAL, MSG_DONTWAIT] = onFreebsd
  ? [2 | 0x1000_0000, 0x2_0000, 0x80]
  : [2 | 0o2000000, 0x4000, 0x40];
const [SOL_SOCKET, SO_SNDTIMEO] = onFreebsd ? [0xffff, 0x1005] : [1, 21];
/** Longest path of a Unix socket, bytes. */
const PATH_LIMIT = onFreebsd ? 104 : 108;
const ENAMETOOLONG = onFreebsd ? 63 : 36;

interface DatagramCalls {
  socket(domain: number, type: number, protocol: number): number;
  setsockopt(descriptor: number, level: number, option: number, value: Uint8Array, length: number): number;
  sendto(
    descriptor: number,
    bytes: Uint8Array,
    length: number,
    flags: number,
    address: Uint8Array,
    addressLength: number,
  ): number | bigint;
}

let loaded: DatagramCalls | undefined;

function calls(): DatagramCalls {
  loaded ??= openLibrary(libcNames, {
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    setsockopt: { args: ["i32", "i32", "i32", "buffer", "u32"], returns: "i32" },
    sendto: { args: ["i32", "buffer", "u64", "i32", "buffer", "u32"], returns: "i64" },
  });
  return loaded;
}

/**
 * Sends one datagram to a Unix socket.
 *
 * @param path a path, or on Linux `@name` for an abstract socket
 * @param options `wait`: whether to wait for a receiver whose queue is full; true unless given
 * @throws {SystemError} e.g. with ECONNREFUSED, or with EAGAIN after {@link DATAGRAM_TIMEOUT}
 */
export function sendDatagram(path: string, text: string, options: { readonly wait?: boolean } = {}): void {
  const attempt = `Cannot send a datagram to ${path}`;
  const name = new TextEncoder().encode(path);
  if (name.length > PATH_LIMIT) throw new SystemError(attempt, ENAMETOOLONG);
  if (path.startsWith("@")) name[0] = 0;
  const address = new Uint8Array(2 + name.length);
  if (onFreebsd) address.set([address.length, AF_UNIX]);
  else new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(name, 2);
  const timeout = new Uint8Array(16); // struct timeval
  const [seconds, rest] = [Math.floor(DATAGRAM_TIMEOUT / 1000), DATAGRAM_TIMEOUT % 1000];
  new DataView(timeout.buffer).setBigInt64(0, BigInt(seconds), true);
  new DataView(timeout.buffer).setBigInt64(8, BigInt(rest * 1000), true);
  const descriptor = calls().socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  if (descriptor < 0) throw new SystemError(attempt, errno());
  try {
    if (calls().setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, timeout, timeout.length) !== 0) {
      throw new SystemError(attempt, errno());
    }
    const bytes = new TextEncoder().encode(text);
    const flags = options.wait === false ? MSG_NOSIGNAL | MSG_DONTWAIT : MSG_NOSIGNAL;
    const sent = calls().sendto(descriptor, bytes, bytes.length, flags, address, address.length);
    if (Number(sent) < 0) throw new SystemError(attempt, errno());
  } finally {
    closeDescriptor(descriptor);
  }
}
