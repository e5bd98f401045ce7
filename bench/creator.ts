/**
 * Sends the frames on standard input to a daemon, one after the other, each on a connection of its own.
 *
 * @module
 */
import { CREATE_FRAME_LIMIT, FrameReader, frame } from "../core/wire/framing.ts";
import { exchangeQuickly } from "./daemon-rig.ts";

const [path = ""] = process.argv.slice(2);
const reader = new FrameReader(CREATE_FRAME_LIMIT);
for await (const chunk of process.stdin) {
  for (const whole of reader.push(chunk as Uint8Array)) await exchangeQuickly(path, frame(whole));
}
