/**
 * Copies a block stream from a client to albatrossd as it comes (wire.md 14).
 *
 * @module
 */
import { FramingError } from "../../core/wire/framing.ts";
import type { FrameLine, IncomingFrame } from "../../runtime/frame-line.ts";
import { lengthWord } from "./forward.ts";
import { Refusal, texts } from "./refusal.ts";

/** What became of a stream: `answered` if albatrossd has answered before its end, so that the rest is of no use. */
export type CopyOutcome = "complete" | "answered";

/**
 * Copies.
 *
 * @param limit bytes of the whole stream
 * @throws {Refusal} if the client's stream ends early or is too long, or albatrossd has gone without an answer
 */
export async function copyBlockStream(client: FrameLine, daemon: FrameLine, limit: number): Promise<CopyOutcome> {
  let early: "arrived" | "ended" | undefined;
  void daemon.arrival.then((what) => {
    early = what;
    client.interrupt();
  });
  let total = 0;
  for (;;) {
    const frame = await nextOf(client);
    if (frame === undefined) break;
    total += frame.length;
    if (total > limit)
      throw new Refusal(`${texts.streamNotRead}: more than ${limit} bytes, which this endpoint allows`);
    if (!(await daemon.write(lengthWord(frame.length)))) return await lost(daemon);
    let copied = 0;
    for await (const piece of frame.pieces) {
      if (!(await daemon.write(piece))) return await lost(daemon);
      copied += piece.length;
    }
    if (copied !== frame.length) break;
  }
  if (client.sawMarker) return (await daemon.write(lengthWord(0))) ? "complete" : await lost(daemon);
  if (early !== undefined) return await lost(daemon);
  throw new Refusal(texts.streamNotRead);
}

/** albatrossd takes no more: it may have said why. */
async function lost(daemon: FrameLine): Promise<CopyOutcome> {
  if ((await daemon.arrival) === "arrived") return "answered";
  throw new Refusal(texts.streamNotWritten);
}

async function nextOf(client: FrameLine): Promise<IncomingFrame | undefined> {
  try {
    return await client.next();
  } catch (error) {
    if (error instanceof FramingError) throw new Refusal(`${texts.streamNotRead}: ${error.message}`, { cause: error });
    throw error;
  }
}
