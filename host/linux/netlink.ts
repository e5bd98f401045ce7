/**
 * Route netlink: how Linux is told about network interfaces, and asked for them.
 *
 * The kernel answers within the sending call, so nothing here ever waits, except for what the kernel itself takes.
 *
 * @module
 */
import { closeDescriptor } from "../../runtime/descriptor.ts";
import { errno, libcNames, openLibrary } from "../../runtime/ffi.ts";
import { SystemError } from "../../runtime/system-error.ts";

/** `nlmsg_flags` */
export const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
export const NLM_F_EXCL = 0x200;
export const NLM_F_DUMP = 0x300;
export const NLM_F_CREATE = 0x400;

const NLM_F_DUMP_INTERRUPTED = 0x10;
const [NLMSG_ERROR, NLMSG_DONE, NLMSG_HEADER] = [2, 3, 16];

/** The largest datagram taken from the kernel, bytes; it sends at most 32 KiB. */
const RECEIVE_LIMIT = 64 * 1024;

/** How often a list is asked for anew when interfaces changed while it was given. */
export const DUMP_ATTEMPTS = 8;

const [AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_ROUTE] = [16, 3 | 0o2000000, 0];
const MSG_DONTWAIT_TRUNC = 0x40 | 0x20;
const [EINTR, EAGAIN] = [4, 11];

interface SocketCalls {
  socket(domain: number, type: number, protocol: number): number;
  send(descriptor: number, bytes: Uint8Array, length: number, flags: number): number | bigint;
  recv(descriptor: number, bytes: Uint8Array, length: number, flags: number): number | bigint;
}

let loaded: SocketCalls | undefined;

function calls(): SocketCalls {
  loaded ??= openLibrary(libcNames, {
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    send: { args: ["i32", "buffer", "u64", "i32"], returns: "i64" },
    recv: { args: ["i32", "buffer", "u64", "i32"], returns: "i64" },
  });
  return loaded;
}

/** An attribute: its type, and its value or the attributes in it. */
export type Attribute = readonly [type: number, value: Uint8Array | readonly Attribute[]];

const aligned = (length: number) => (length + 3) & ~3;

function encodeAttributes(attributes: readonly Attribute[]): Uint8Array {
  const values = attributes.map(([type, value]) => ({
    type,
    value: value instanceof Uint8Array ? value : encodeAttributes(value),
  }));
  const bytes = new Uint8Array(values.reduce((sum, { value }) => sum + 4 + aligned(value.length), 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { type, value } of values) {
    view.setUint16(at, 4 + value.length, true);
    view.setUint16(at + 2, type, true);
    bytes.set(value, at + 4);
    at += 4 + aligned(value.length);
  }
  return bytes;
}

/** The attributes in `bytes` by type; of repeated ones the last. Stops at the first one that is cut off. */
export function decodeAttributes(bytes: Uint8Array): ReadonlyMap<number, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = new Map<number, Uint8Array>();
  let at = 0;
  while (at + 4 <= bytes.length) {
    const length = view.getUint16(at, true);
    if (length < 4 || at + length > bytes.length) break;
    found.set(view.getUint16(at + 2, true) & 0x3fff, bytes.subarray(at + 4, at + length));
    at += aligned(length);
  }
  return found;
}

/** A 32-bit value of an attribute. */
export function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

function encodeMessage(type: number, flags: number, header: Uint8Array, attributes: readonly Attribute[]): Uint8Array {
  const body = encodeAttributes(attributes);
  const bytes = new Uint8Array(NLMSG_HEADER + aligned(header.length) + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  bytes.set(header, NLMSG_HEADER);
  bytes.set(body, NLMSG_HEADER + aligned(header.length));
  return bytes;
}

function receive(descriptor: number, buffer: Uint8Array, attempt: string): Uint8Array {
  for (;;) {
    const length = Number(calls().recv(descriptor, buffer, buffer.length, MSG_DONTWAIT_TRUNC));
    if (length < 0) {
      const code = errno();
      if (code === EINTR) continue;
      throw new SystemError(attempt, code);
    }
    if (length > buffer.length)
      throw new Error(`${attempt}: the kernel's answer has ${length} bytes. Report this defect`);
    return buffer.subarray(0, length);
  }
}

/**
 * A socket to route netlink, for any number of requests. Close it.
 *
 * @throws {SystemError} if it cannot be made
 */
export class RouteSocket {
  readonly #descriptor: number;
  readonly #buffer = new Uint8Array(RECEIVE_LIMIT);
  #sequence = 0;

  constructor() {
    this.#descriptor = calls().socket(AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_ROUTE);
    if (this.#descriptor < 0) throw new SystemError("Cannot ask the kernel about interfaces", errno());
  }

  close(): void {
    closeDescriptor(this.#descriptor);
  }

  /**
   * Sends one request to the kernel and takes all its replies.
   *
   * @param attempt what is attempted, `Cannot …`, for the error
   * @param header the part between the message header and the attributes, e.g. `struct ifinfomsg`
   * @returns the replies without message headers; none for an acknowledgement
   * @throws {SystemError} with the kernel's refusal; with EAGAIN if a list kept changing while it was given
   */
  request(
    attempt: string,
    type: number,
    flags: number,
    header: Uint8Array,
    attributes: readonly Attribute[],
  ): readonly Uint8Array[] {
    const message = encodeMessage(type, NLM_F_REQUEST | flags, header, attributes);
    for (let round = 0; round < DUMP_ATTEMPTS; round++) {
      const replies = this.#exchange(attempt, message);
      if (replies !== undefined) return replies;
    }
    throw new SystemError(attempt, EAGAIN, "The interfaces kept changing: try again");
  }

  /** Gives `undefined` if a list was interrupted by a change. */
  #exchange(attempt: string, message: Uint8Array): Uint8Array[] | undefined {
    const header = new DataView(message.buffer);
    const dump = (header.getUint16(6, true) & NLM_F_DUMP) === NLM_F_DUMP;
    const sequence = ++this.#sequence;
    header.setUint32(8, sequence, true);
    if (Number(calls().send(this.#descriptor, message, message.length, 0)) < 0) throw new SystemError(attempt, errno());
    const replies: Uint8Array[] = [];
    let interrupted = false;
    for (;;) {
      const bytes = receive(this.#descriptor, this.#buffer, attempt);
      const view = new DataView(bytes.buffer, 0, bytes.length);
      let at = 0;
      while (at + NLMSG_HEADER <= bytes.length) {
        const length = view.getUint32(at, true);
        const type = view.getUint16(at + 4, true);
        if (length < NLMSG_HEADER || at + length > bytes.length) break;
        const start = at;
        at += aligned(length);
        if (view.getUint32(start + 8, true) !== sequence) continue; // the rest of a request that failed
        if ((view.getUint16(start + 6, true) & NLM_F_DUMP_INTERRUPTED) !== 0) interrupted = true;
        if (type === NLMSG_DONE || type === NLMSG_ERROR) {
          const code = length >= NLMSG_HEADER + 4 ? -view.getInt32(start + NLMSG_HEADER, true) : 0;
          if (code > 0) throw new SystemError(attempt, code);
          return interrupted ? undefined : replies;
        }
        replies.push(bytes.slice(start + NLMSG_HEADER, start + length));
      }
      if (at === 0) throw new Error(`${attempt}: the kernel's answer is malformed. Report this defect`);
      if (!dump && replies.length > 0) return replies;
    }
  }
}

/** As {@link RouteSocket.request}, on a socket for this one request. */
export function request(...parameters: Parameters<RouteSocket["request"]>): readonly Uint8Array[] {
  const socket = new RouteSocket();
  try {
    return socket.request(...parameters);
  } finally {
    socket.close();
  }
}
