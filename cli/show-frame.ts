/**
 * Shows a command instead of sending it: `--socket=-` (client.md 1).
 *
 * @module
 */
import type { ImageBytes } from "../client/connection.ts";
import { frameAroundImage } from "../client/image-frame.ts";
import type { Message } from "../core/wire/message.ts";
import { encodeMessage } from "../core/wire/message-codec.ts";
import { hexDump } from "./hex-dump.ts";
import { writeText } from "./output.ts";

/** Bytes of the length word, which is not shown. */
const LENGTH_BYTES = 4;

/** Prints `out:`, the hex dump of a message and an empty line. */
export async function showFrame(message: Message, image: ImageBytes | undefined): Promise<void> {
  const bytes = image === undefined ? encodeMessage(message) : await withImage(message, image);
  writeText(1, `out:\n${hexDump(bytes)}\n`);
}

async function withImage(message: Message, image: ImageBytes): Promise<Uint8Array> {
  const { prefix, suffix } = frameAroundImage(message, image.length);
  const parts = [prefix.subarray(LENGTH_BYTES)];
  for await (const chunk of image.chunks) parts.push(chunk.slice());
  parts.push(suffix);
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
