/**
 * Sends a file as a zlib stream in one message. It is compressed to another file first, since its length comes before it;
 * so no client that takes its time costs memory.
 *
 * @module
 */
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { fromText } from "../../core/byte-string.ts";
import type { Header } from "../../core/wire/message.ts";
import { encodeFrame } from "../../core/wire/message-codec.ts";
import { randomHex } from "../../host/random-hex.ts";
import type { Connection } from "../../runtime/unix-socket.ts";
import { unfinishedBlocks } from "./block-files.ts";
import { deflateFile } from "./send-block.ts";
import { type ImageReply, sendImage } from "./send-image.ts";

/** What is sent. */
export interface CompressedFile {
  readonly kind: ImageReply["kind"];
  readonly path: string;
  /** Bytes, uncompressed. */
  readonly size: number;
  /** 1 to 9. */
  readonly level: number;
  /** The most bytes, compressed. */
  readonly most: number;
  /** What the client is told if the file cannot be read, and if there are more bytes. */
  readonly unreadable: string;
  readonly tooLong: (length: number) => string;
  /** Called when everything was read, before anything of it is sent. */
  readonly whenRead?: () => void;
}

/** Sends the reply, or a failure in its place. @throws the system's error, after the failure */
export async function sendCompressed(
  connection: Connection,
  header: Header,
  { kind, path, size, level, most, unreadable, tooLong, whenRead }: CompressedFile,
  databaseDirectory: string,
): Promise<void> {
  const temporary = join(unfinishedBlocks(databaseDirectory), randomHex(9));
  try {
    let length: number;
    try {
      length = await compressTo(temporary, path, size, level);
    } catch (error) {
      refuse(connection, header, unreadable);
      throw error;
    }
    whenRead?.();
    if (length > most) return refuse(connection, header, tooLong(length));
    await sendImage(connection, header, { kind, compressed: true, path: temporary, size: length });
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Sends a failure. */
export function refuse(connection: Connection, header: Header, text: string): void {
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
