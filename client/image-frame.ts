/**
 * The frame of a create command around an image that is sent from where it is.
 *
 * An image may have hundreds of megabytes. DER puts lengths before contents, but needs no more of the image than its
 * size, so the frame is made with an empty image and its lengths are corrected.
 *
 * @module
 */

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

/** From the message down to the image: which element of each structure to enter (wire.md 4, 5 and 8). */
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
  const bytes = encodeMessage(message);
  const outer: Element[] = [];
  let element = elementAt(bytes, 0);
  for (const index of pathToImage) {
    outer.push(element);
    let at = element.content;
    for (let skipped = 0; skipped < index; skipped++) at = elementAt(bytes, at).end;
    element = elementAt(bytes, at);
  }
  // `element` is the empty image now: its header is written anew, and every header around it, from the inside out.
  const suffix = bytes.subarray(element.end);
  const parts: Uint8Array[] = [header(bytes[element.start] ?? 0, imageLength)];
  let growth = (parts[0]?.length ?? 0) - (element.content - element.start) + imageLength;
  let before = element.start;
  for (const each of outer.reverse()) {
    const anew = header(bytes[each.start] ?? 0, each.end - each.content + growth);
    parts.unshift(anew, bytes.subarray(each.content, before));
    growth += anew.length - (each.content - each.start);
    before = each.start;
  }
  const total = bytes.length + growth;
  if (total > FRAME_LENGTH_MAX) {
    throw new ImageTooLargeError(
      `Cannot send an image of ${imageLength} bytes: a message has at most ${FRAME_LENGTH_MAX} bytes. Try compression`,
    );
  }
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, total);
  return { prefix: concatenate([length, ...parts]), suffix };
}

/** Offsets of an element's identifier, its content and what follows it. */
interface Element {
  readonly start: number;
  readonly content: number;
  readonly end: number;
}

/** Reads the header of an element that our own encoder wrote, so one identifier byte and a definite length. */
function elementAt(bytes: Uint8Array, start: number): Element {
  const first = bytes[start + 1] ?? 0;
  let content = start + 2;
  let length = first;
  if (first >= 0x80) {
    length = 0;
    for (const end = content + (first & 0x7f); content < end; content++) length = length * 256 + (bytes[content] ?? 0);
  }
  return { start, content, end: content + length };
}

function header(identifier: number, length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(identifier, length);
  const digits: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256);
  return Uint8Array.of(identifier, 0x80 | digits.length, ...digits);
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
