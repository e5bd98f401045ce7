/**
 * Dumps for clients of before 2.5, which want the whole device in one message (wire.md 6).
 *
 * @module
 */
import type { Header } from "../../core/wire/message.ts";
import type { Connection } from "../../runtime/unix-socket.ts";
import { type DumpSource, UNREADABLE } from "./send-block.ts";
import { refuse, sendCompressed } from "./send-compressed.ts";
import { sendImage } from "./send-image.ts";

/** The most bytes in such a message: its length has 31 bits, and there is a little around them. */
export const OLD_DUMP_MAX: number = 2 ** 31 - 2 ** 16;

/** Sends the reply. */
export async function sendOldDump(
  connection: Connection,
  header: Header,
  device: DumpSource,
  databaseDirectory: string,
): Promise<void> {
  const { path, size, level, whenRead } = device;
  const kind = "old-block-device-image";
  if (level > 0) {
    const file = { ...device, kind, most: OLD_DUMP_MAX, unreadable: UNREADABLE, tooLong } as const;
    return await sendCompressed(connection, header, file, databaseDirectory);
  }
  if (size > OLD_DUMP_MAX) return refuse(connection, header, tooLong(size));
  await sendImage(connection, header, { kind, compressed: false, path, size, whenRead });
}

const tooLong = (length: number) =>
  `dump block: ${length} bytes are more than one message can hold. Use a client of version 2.5 or later`;
