/**
 * Passes frames on as they are, without keeping more than a piece of them.
 *
 * The endpoint asks with the very header that its answers have to have, and daemons repeat it, so nothing in an answer
 * has to be changed.
 *
 * @module
 */
import { DecodeError } from "../../core/wire/decode-error.ts";
import { FramingError, frame as framed } from "../../core/wire/framing.ts";
import { decodeMessage } from "../../core/wire/message-codec.ts";
import type { FrameLine, IncomingFrame } from "../../runtime/frame-line.ts";
import { ClientGoneError } from "./refusal.ts";
import type { ReplyMode } from "./routing.ts";

/** Frames up to this size, bytes, are sent together. Messages that end a dump are smaller. */
export const SMALL_FRAME = 4096;

/** Bytes that are sent together. */
export const BATCH_BYTES: number = 64 * 1024;

/** A daemon closed the connection within a frame of which the client has a part already: nothing can be said any more. */
export class CutFrameError extends Error {
  override readonly name = "CutFrameError";
}

async function collect({ length, pieces }: IncomingFrame): Promise<Uint8Array | undefined> {
  const whole = new Uint8Array(length);
  let at = 0;
  for await (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return at === length ? whole : undefined;
}

async function deliver(to: FrameLine, bytes: Uint8Array): Promise<void> {
  if (!(await to.write(bytes))) throw new ClientGoneError("The client has gone");
}

/** The length word of a frame. */
export function lengthWord(length: number): Uint8Array {
  const word = new Uint8Array(4);
  new DataView(word.buffer).setUint32(0, length);
  return word;
}

async function forwardLarge(frame: IncomingFrame, client: FrameLine): Promise<void> {
  await deliver(client, lengthWord(frame.length));
  let sent = 0;
  for await (const piece of frame.pieces) {
    await deliver(client, piece);
    sent += piece.length;
  }
  if (sent !== frame.length) throw new CutFrameError("The daemon closed the connection within a message");
}

function endsDump(bytes: Uint8Array): boolean {
  try {
    const { payload } = decodeMessage(bytes);
    return payload.kind === "data" && payload.data.kind === "block" && payload.data.bytes === undefined;
  } catch (error) {
    if (error instanceof DecodeError) return false;
    throw error;
  }
}

/**
 * Passes a daemon's answers on.
 *
 * @returns whether the answer was complete; false if the daemon closed the connection before (in mode `read`: always)
 * @throws {ClientGoneError}
 * @throws {CutFrameError}
 */
export async function forwardReplies(daemon: FrameLine, client: FrameLine, mode: ReplyMode): Promise<boolean> {
  let batch: Uint8Array[] = [];
  let size = 0;
  const flush = async () => {
    if (size === 0) return;
    const all = batch.length === 1 && batch[0] !== undefined ? batch[0] : Buffer.concat(batch);
    batch = [];
    size = 0;
    await deliver(client, all);
  };
  for (;;) {
    const frame = await nextOf(daemon);
    if (frame === undefined) break;
    if (frame.length > SMALL_FRAME) {
      await flush();
      await forwardLarge(frame, client);
      if (mode === "single") return true;
      continue;
    }
    const bytes = await collect(frame);
    if (bytes === undefined) break;
    batch.push(framed(bytes));
    size += bytes.length + 4;
    const complete = mode === "single" || (mode === "dump" && endsDump(bytes));
    if (complete || size >= BATCH_BYTES || !daemon.hasFrame) await flush();
    if (complete) return true;
  }
  await flush();
  return false;
}

/** The next frame; an end, if it is longer than anything a daemon sends. */
async function nextOf(daemon: FrameLine): Promise<IncomingFrame | undefined> {
  try {
    return await daemon.next();
  } catch (error) {
    if (error instanceof FramingError) return undefined;
    throw error;
  }
}
