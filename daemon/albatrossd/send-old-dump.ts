/**
 * Dumps for clients of before 2.5, which want the whole device in one message (wire.md 6).
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { fromText } from "../../core/byte-string.ts";
import type { Header } from "../../core/wire/message.ts";
import { encodeFrame } from "../../core/wire/message-codec.ts";
import type { Connection } from "../../runtime/unix-socket.ts";
import { unfinishedBlocks } from "./block-files.ts";
import { deflateFile, UNREADABLE } from "./send-block.ts";
import { sendImage } from "./send-image.ts";

/** The most bytes in such a message: its length has 31 bits, and there is a little around them. */
export const OLD_DUMP_MAX: number = 2 ** 31 - 2 ** 16;

/** Sends the reply. A compressed one is kept in a file first, since its length comes before it. */
export async function sendOldDump(
  connection: Connection,
  header: Header,
  device: { readonly path: string; readonly size: number; readonly level: number },
  databaseDirectory: string,
): Promise<void> {
  const { path, size, level } = device;
  const kind = "old-block-device-image";
  if (level === 0) {
    if (size > OLD_DUMP_MAX) return refuse(connection, header, tooLong(size));
    return await sendImage(connection, header, { kind, compressed: false, path, size });
  }
  const temporary = join(unfinishedBlocks(databaseDirectory), randomBytes(9).toString("hex"));
  try {
    let length: number;
    try {
      length = await compressTo(temporary, path, size, level);
    } catch (error) {
      refuse(connection, header, UNREADABLE);
      throw error;
    }
    if (length > OLD_DUMP_MAX) return refuse(connection, header, tooLong(length));
    await sendImage(connection, header, { kind, compressed: true, path: temporary, size: length });
  } finally {
    await rm(temporary, { force: true });
  }
}

const tooLong = (length: number) =>
  `dump block: ${length} bytes are more than one message can hold. Use a client of version 2.5 or later`;

function refuse(connection: Connection, header: Header, text: string): void {
  connection.send(encodeFrame({ header, payload: { kind: "failure", text: fromText(text) } }));
}

async function compressTo(target: string, path: string, size: number, level: number): Promise<number> {
  const file = await open(target, "wx", 0o600);
  try {
    let length = 0;
    await deflateFile(path, size, level, async (bytes) => {
      await file.writeFile(bytes); // goes on where the last one ended
      length += bytes.length;
    });
    return length;
  } finally {
    await file.close();
  }
}
