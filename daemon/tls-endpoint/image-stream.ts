/**
 * The image that a client streams after the handshake (wire.md 14), or only names by its digest.
 *
 * @module
 */
import { FramingError } from "../../core/wire/framing.ts";
import type { FrameLine } from "../../runtime/frame-line.ts";
import { Refusal, texts } from "./refusal.ts";
import type { Share } from "./shares.ts";
import { Spool, SpoolError } from "./spool.ts";

/** What the first frame begins with if it is the SHA-256 of an image and not a piece of one. */
const DIGEST_MARK = "ALBADIGE";
const DIGEST_BYTES = 32;

/** The client's offer of an image by its digest. */
export interface DigestOffer {
  readonly digest: Uint8Array;
}

/**
 * Reads the first frame of a client of ours.
 *
 * @returns the digest it offers, or the bytes with which its image begins; `undefined` if the image is empty
 */
export async function readOffer(client: FrameLine): Promise<DigestOffer | Uint8Array | undefined> {
  const length = DIGEST_MARK.length + DIGEST_BYTES;
  const frame = await client.next();
  if (frame === undefined) return undefined;
  if (frame.length !== length) return await firstBytes(frame.pieces);
  const bytes = new Uint8Array(length);
  let at = 0;
  for await (const piece of frame.pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  const mark = new TextDecoder("latin1").decode(bytes.subarray(0, DIGEST_MARK.length));
  return mark === DIGEST_MARK ? { digest: bytes.subarray(DIGEST_MARK.length) } : bytes;
}

/** The beginning of a frame whose rest is still to be read as pieces of the line. */
async function firstBytes(pieces: AsyncGenerator<Uint8Array, void>): Promise<Uint8Array> {
  const first = await pieces.next();
  return first.done === true ? new Uint8Array(0) : first.value;
}

/**
 * Reads an image stream to its end and keeps it in a file, which the caller closes.
 *
 * @param options `share` is what the file takes of the space for all
 * @param begun what was read of it already
 * @throws {Refusal} if it ends early, is too long, or cannot be kept
 */
export async function receiveImage(
  client: FrameLine,
  options: { readonly directory: string; readonly limit: number; readonly share: Share },
  begun: Uint8Array | undefined,
): Promise<Spool> {
  const spool = await Spool.open(options.directory).catch(refuse);
  try {
    const take = async (piece: Uint8Array) => {
      if (spool.size + piece.length > options.limit) {
        throw new Refusal(`${texts.imageNotRead}: it has more than ${options.limit} bytes, which this endpoint allows`);
      }
      if (!options.share.take(piece.length)) {
        throw new Refusal(`${texts.imageNotRead}: too many images are being received, try again later`);
      }
      await spool.write(piece);
    };
    if (begun !== undefined) {
      await take(begun);
      for await (const piece of client.restOfFrame()) await take(piece);
    }
    for (let frame = await client.next(); frame !== undefined; frame = await client.next()) {
      for await (const piece of frame.pieces) await take(piece);
    }
    if (!client.sawMarker) throw new Refusal(`${texts.imageNotRead}: the stream ended before its end was announced`);
    return spool;
  } catch (error) {
    await spool.close();
    return refuse(error);
  }
}

function refuse(error: unknown): never {
  if (error instanceof FramingError || error instanceof SpoolError) {
    throw new Refusal(`${texts.imageNotRead}: ${error.message}`, { cause: error });
  }
  throw error;
}
