/**
 * A stream that follows a command (wire.md 14): raw chunks, then an empty one; and what is left of one that was refused.
 *
 * @module
 */
import { CHUNK_FRAME_LIMIT, type FrameReader } from "../../core/wire/framing.ts";
import { failure, type Reply } from "./reply.ts";

/** Bytes of a refused stream that are read and dropped: a client that looks for answers at its end only gets it, too. */
export const DRAIN_BYTES_MAX: number = 256 * 2 ** 20;

/** Milliseconds that a client may go on sending a refused stream. */
export const DRAIN_TIMEOUT_MS = 10_000;

/** What takes a stream. */
export interface Receiver {
  /** Why it takes nothing more. */
  readonly refusal: string | undefined;
  /** Takes the next bytes; after the promise, if there is one, the following may be given. Never rejects. */
  write(bytes: Uint8Array): Promise<void> | undefined;
  /** The stream is complete. */
  finish(): Promise<Reply>;
  /** It will not be. Harmless after `finish`. */
  abort(): Promise<void>;
}

/** How far a stream has come. */
export type Progress =
  /** Everything that is there was taken. */
  | "more"
  /** Not before the promise is kept. */
  | Promise<void>
  | "complete"
  | { readonly refusal: string };

/** Gives a receiver what there is. `reader` must be at the beginning of a chunk, or within one that this has begun. */
export function takeStream(reader: FrameReader, receiver: Receiver): Progress {
  reader.limit = CHUNK_FRAME_LIMIT;
  for (let piece = reader.piece(); piece !== undefined; piece = reader.piece()) {
    const wait = receiver.write(piece);
    if (receiver.refusal !== undefined) return { refusal: receiver.refusal };
    if (wait !== undefined) return wait;
  }
  return reader.ended ? "complete" : "more";
}

/** The answer if the client ends its stream without the empty chunk. */
export const cutShort: Reply = failure("error while reading stream");

/** Reads what is left of a refused stream. @returns whether there may be more, and it is within the limit */
export class Drain {
  #left = DRAIN_BYTES_MAX;

  take(reader: FrameReader): boolean {
    reader.limit = CHUNK_FRAME_LIMIT;
    for (let piece = reader.piece(); piece !== undefined; piece = reader.piece()) this.#left -= piece.length;
    return !reader.ended && this.#left >= 0;
  }
}
