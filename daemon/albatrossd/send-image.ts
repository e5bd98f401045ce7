/**
 * Sends an image from its file, piece by piece as the client takes it.
 *
 * @module
 */
import { open } from "node:fs/promises";
import type { Header } from "../../core/wire/message.ts";
import { encodeFrame } from "../../core/wire/message-codec.ts";
import type { Connection } from "../../runtime/unix-socket.ts";
import { PeerGoneError, STALL_TIMEOUT_MS, sendAll } from "./send-all.ts";

/** Bytes read and sent at a time. */
export const PIECE_SIZE = 256 * 1024;

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

/** What is sent: a reply of `kind` around the content of a file of `size` bytes, a zlib stream if `compressed`. */
export interface ImageReply {
  readonly kind: "unikernel-image" | "old-block-device-image";
  readonly compressed: boolean;
  readonly size: number;
}

const tags = { "unikernel-image": 0xa6, "old-block-device-image": 0xa7 } as const;

/**
 * The frame of an image reply up to the first byte of its image: the length word, and everything of the message that
 * stands before the image, which is its last element (wire.md 6).
 */
export function imageFrameHead(header: Header, { kind, compressed, size }: ImageReply): Uint8Array {
  // The header's encoding is taken from an ordinary message; the rest encloses `size` bytes that are not here.
  const empty = encodeFrame({ header, payload: { kind: "success", success: { kind: "empty" } } }).subarray(4);
  const outer = (empty[1] ?? 0) < 128 ? 2 : 2 + ((empty[1] ?? 0) & 0x7f);
  const headerBytes = empty.subarray(outer, empty.length - EMPTY_SUCCESS_LENGTH);
  const octets = Uint8Array.of(0x04, ...lengthOctets(size)); // OCTET STRING
  const pair = element(0x30, size, Uint8Array.of(0x01, 0x01, compressed ? 0xff : 0, ...octets)); // SEQUENCE { BOOL, image }
  const success = element(0xa1, size, element(tags[kind], size, pair)); // [1] success, [6] or [7]
  const message = element(0x30, size, Uint8Array.of(...headerBytes, ...success));
  const head = new Uint8Array(4 + message.length);
  new DataView(head.buffer).setUint32(0, message.length + size);
  head.set(message, 4);
  return head;
}

/** The encoded payload `[1] { [0] { NULL } }`. */
const EMPTY_SUCCESS_LENGTH = 6;

/**
 * Sends the image reply; `whenRead` is called before its last piece. Ends early if the client goes away, or takes nothing
 * for `stallTimeout` milliseconds.
 */
export async function sendImage(
  connection: Connection,
  header: Header,
  image: ImageReply & { readonly path: string; readonly whenRead?: () => void },
  stallTimeout: number = STALL_TIMEOUT_MS,
): Promise<void> {
  const out = sendAll(connection, stallTimeout);
  const file = await open(image.path, "r");
  try {
    await out.send(imageFrameHead(header, image));
    const buffer = new Uint8Array(Math.min(PIECE_SIZE, image.size));
    for (let sent = 0; sent < image.size; ) {
      const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, image.size - sent), sent);
      if (bytesRead === 0) return connection.destroy(); // the file is shorter than it was: no honest end is possible
      sent += bytesRead;
      if (sent === image.size) image.whenRead?.();
      await out.send(buffer.subarray(0, bytesRead));
    }
  } catch (error) {
    if (!(error instanceof PeerGoneError)) throw error;
  } finally {
    await file.close();
  }
}
