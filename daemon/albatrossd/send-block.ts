/**
 * Sends the content of a block device, piece by piece as the client takes it (wire.md 14).
 *
 * @module
 */
import { type FileHandle, open } from "node:fs/promises";
import type { Deflate } from "node:zlib";
import { fromText } from "../../core/byte-string.ts";
import type { Header, Payload } from "../../core/wire/message.ts";
import { encodeFrame } from "../../core/wire/message-codec.ts";
import { lateZlib } from "../../runtime/late-modules.ts";
import { collectEvery } from "../../runtime/memory.ts";
import type { Connection } from "../../runtime/unix-socket.ts";
import { type Outgoing, sendAll } from "./send-all.ts";

/** Bytes of a device in one message, uncompressed; a device is a multiple of it. */
export const PIECE_SIZE = 128 * 1024;

/** Bytes that leave the compressor at once: as many as the original's. */
const COMPRESSED_PIECE = 64 * 1024;

/** Bytes read at a time for the compressor. */
const READ_SIZE = 256 * 1024;

/** What the client is told, in the original's words, if the content cannot be read to its end. */
export const UNREADABLE = "streaming block device";

/** The device of a dump. */
export interface DumpSource {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** 0 to 9; 0 sends it as it is. */
  readonly level: number;
  /** Called when everything was read, before the client sees the end: whoever has it all may fill the device at once. */
  readonly whenRead: () => void;
}

/** The file became shorter while it was read. */
class ShrunkError extends Error {
  override readonly name = "ShrunkError";
}

const data = (bytes: Uint8Array | undefined): Payload => ({ kind: "data", data: { kind: "block", bytes } });

/**
 * Sends the reply to a dump, the content, and its end. If it cannot be read, a failure takes the place of the end, so
 * that nobody takes a part for the whole.
 */
export async function sendBlock(connection: Connection, header: Header, device: DumpSource): Promise<void> {
  const { path, size, level, whenRead } = device;
  const out = sendAll(connection);
  const send = (payload: Payload) => out.send(encodeFrame({ header, payload }));
  const file = await open(path, "r");
  try {
    await send({ kind: "success", success: { kind: "block-device-image", compressed: level > 0 } });
    if (level === 0) await sendPlain(out, header, file, size);
    else await deflateFile(path, size, level, async (bytes) => await send(data(bytes)));
    whenRead();
    await send(data(undefined));
  } catch (error) {
    if (out.isOver) return; // the client has gone, or was given up
    await send({ kind: "failure", text: fromText(UNREADABLE) });
    throw error;
  } finally {
    await file.close();
  }
}

/** Reads into the messages themselves, one ahead of what is being sent. */
async function sendPlain(out: Outgoing, header: Header, file: FileHandle, size: number): Promise<void> {
  const piece = Math.min(PIECE_SIZE, size);
  const frames = [0, 1].map(() => encodeFrame({ header, payload: data(new Uint8Array(piece)) }));
  const read = async (at: number, position: number): Promise<Uint8Array> => {
    const frame = frames[at] ?? new Uint8Array();
    for (let done = frame.length - piece; done < frame.length; ) {
      const from = position + done - (frame.length - piece);
      const { bytesRead } = await file.read(frame, done, frame.length - done, from);
      if (bytesRead === 0) throw new ShrunkError("the block device became shorter while it was read");
      done += bytesRead;
    }
    return frame;
  };
  const moved = collectEvery();
  let next = read(0, 0);
  try {
    for (let position = 0, at = 0; position < size; position += piece) {
      const frame = await next;
      at = 1 - at;
      if (position + piece < size) next = read(at, position + piece);
      next.catch(() => undefined); // it is seen in the next round
      await out.send(frame);
      moved(piece);
    }
  } finally {
    await next.catch(() => undefined); // or the file would be closed under it
  }
}

/** Compresses a file of `size` bytes on another thread. @throws the system's error, also if it became shorter */
export async function deflateFile(
  path: string,
  size: number,
  level: number,
  take: (bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  const file = await open(path, "r");
  const deflate = lateZlib().createDeflate({ level, chunkSize: COMPRESSED_PIECE });
  const moved = collectEvery();
  // A failure ends the compressor, where the reader of its output finds it.
  const fed = feed(file, size, deflate).catch((error: Error) => void deflate.destroy(error));
  try {
    for await (const chunk of deflate) {
      await take(chunk as Uint8Array);
      moved((chunk as Uint8Array).length);
    }
  } finally {
    deflate.destroy();
    await fed; // or the file would be closed under it
    await file.close();
  }
}

/** Resolves when the compressor is through with `bytes`, which may be overwritten then. */
async function compress(deflate: Deflate, bytes: Uint8Array): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // One that was given up does not say so to whom it owes the end of a write.
  const closed = () => reject(new Error("the dump was given up"));
  if (deflate.destroyed) closed();
  deflate.once("close", closed);
  deflate.write(bytes, (error) => (error ? reject(error) : resolve()));
  try {
    await promise;
  } finally {
    deflate.off("close", closed);
  }
}

async function feed(file: FileHandle, size: number, deflate: Deflate): Promise<void> {
  const buffer = new Uint8Array(READ_SIZE);
  for (let position = 0; position < size; ) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, size - position), position);
    if (bytesRead === 0) throw new ShrunkError("the block device became shorter while it was read");
    position += bytesRead;
    await compress(deflate, buffer.subarray(0, bytesRead));
  }
  deflate.end();
}
