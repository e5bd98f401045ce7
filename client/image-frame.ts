/**
 * The frame of a create command around an image that is sent from where it is: it may have hundreds of megabytes.
 *
 * @module
 */

import { spliceAround } from "../core/wire/der-splice.ts";
import type { Message } from "../core/wire/message.ts";
import { encodeMessage } from "../core/wire/message-codec.ts";

/** The longest frame that the length word can announce, bytes. */
export const FRAME_LENGTH_MAX = 2 ** 31 - 1;

/** An image is too large for one message. */
export class ImageTooLargeError extends Error {
  override readonly name = "ImageTooLargeError";
}

/** What is sent before and after the bytes of an image. */
export interface ImageFrame {
  /** Begins with the length word. */
  readonly prefix: Uint8Array;
  readonly suffix: Uint8Array;
}

/** From the message down to the image (wire.md 4, 5 and 8). */
const pathToImage = [1, 0, 0, 0, 2] as const;

/**
 * The frame of `message`, a create or force-create command with an empty image, for an image of `imageLength` bytes.
 *
 * @throws {ImageTooLargeError}
 */
export function frameAroundImage(message: Message, imageLength: number): ImageFrame {
  if (message.payload.kind !== "command" || !("config" in message.payload.command)) {
    throw new TypeError("Cannot put an image into this message, since it is not a create command");
  }
  if (message.payload.command.config.image.length > 0) {
    throw new TypeError("Cannot put an image around another one: the message must have an empty image");
  }
  const { prefix, suffix } = spliceAround(encodeMessage(message), pathToImage, imageLength);
  const total = prefix.length + imageLength + suffix.length;
  if (total > FRAME_LENGTH_MAX) {
    throw new ImageTooLargeError(
      `Cannot send an image of ${imageLength} bytes: a message has at most ${FRAME_LENGTH_MAX} bytes. Try compression`,
    );
  }
  const framed = new Uint8Array(4 + prefix.length);
  new DataView(framed.buffer).setUint32(0, total);
  framed.set(prefix, 4);
  return { prefix: framed, suffix };
}
