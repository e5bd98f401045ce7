/**
 * Sends an image from its file, piece by piece as the client takes it.
 *
 * @module
 */
import { open } from "node:fs/promises";
import type { Header } from "../../core/wire/message.ts";
import { encodeFrame } from "../../core/wire/message-codec.ts";
import type { Connection } from "../../runtime/unix-socket.ts";

/** Bytes read and sent at a time. */
export const PIECE_SIZE = 256 * 1024;

/** Milliseconds after which a client that takes nothing more is given up. */
export const STALL_TIMEOUT_MS = 30_000;

/** Bytes of a DER length. */
function lengthOctets(length: number): Uint8Array {
  if (length < 128) return Uint8Array.of(length);
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return Uint8Array.of(0x80 | octets.length, ...octets);
}

function element(identifier: number, contentLength: number, head: Uint8Array): Uint8Array {
  return Uint8Array.of(identifier, ...lengthOctets(contentLength + head.length), ...head);
}

/**
 * The frame of an image reply up to the first byte of its (uncompressed) image: the length word, and everything of the
 * message that stands before the image, which is its last element (wire.md 6).
 */
export function imageFrameHead(header: Header, size: number): Uint8Array {
  // The header's encoding is taken from an ordinary message; the rest encloses `size` bytes that are not here.
  const empty = encodeFrame({ header, payload: { kind: "success", success: { kind: "empty" } } }).subarray(4);
  const outer = (empty[1] ?? 0) < 128 ? 2 : 2 + ((empty[1] ?? 0) & 0x7f);
  const headerBytes = empty.subarray(outer, empty.length - EMPTY_SUCCESS_LENGTH);
  const octets = Uint8Array.of(0x04, ...lengthOctets(size)); // OCTET STRING
  const pair = element(0x30, size, Uint8Array.of(0x01, 0x01, 0x00, ...octets)); // SEQUENCE { FALSE, image }
  const success = element(0xa1, size, element(0xa6, size, pair)); // [1] success, [6] unikernel-image
  const message = element(0x30, size, Uint8Array.of(...headerBytes, ...success));
  const head = new Uint8Array(4 + message.length);
  new DataView(head.buffer).setUint32(0, message.length + size);
  head.set(message, 4);
  return head;
}

/** The encoded payload `[1] { [0] { NULL } }`. */
const EMPTY_SUCCESS_LENGTH = 6;

/** Sends the image reply. Ends early if the client goes away, or takes nothing for `stallTimeout` milliseconds. */
export async function sendImage(
  connection: Connection,
  header: Header,
  image: { readonly path: string; readonly size: number },
  stallTimeout: number = STALL_TIMEOUT_MS,
): Promise<void> {
  const file = await open(image.path, "r");
  try {
    connection.send(imageFrameHead(header, image.size));
    const buffer = new Uint8Array(Math.min(PIECE_SIZE, image.size));
    for (let sent = 0; sent < image.size; ) {
      const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, image.size - sent), sent);
      if (bytesRead === 0) return connection.destroy(); // the file is shorter than it was: no honest end is possible
      sent += bytesRead;
      if (connection.send(buffer.subarray(0, bytesRead))) continue;
      const timer = setTimeout(() => connection.destroy(), stallTimeout);
      try {
        await connection.drained();
      } catch {
        return; // the client has gone, or was given up
      } finally {
        clearTimeout(timer);
      }
    }
  } finally {
    await file.close();
  }
}
