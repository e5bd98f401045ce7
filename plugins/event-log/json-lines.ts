/**
 * A sink that appends an object on a line for each event to a file.
 *
 * @module
 */
import { type FileHandle, open } from "node:fs/promises";
import { eventToJson } from "../../core/log/json.ts";
import type { EventSink } from "../event-sink.ts";

const NEWLINE = 10;

/** Whether the file does not end with a line. One that cannot be read may: an empty line does no harm. */
async function endsWithinLine(path: string): Promise<boolean> {
  try {
    const file = await open(path, "r");
    try {
      const { size } = await file.stat();
      const { bytesRead, buffer } = await file.read(new Uint8Array(1), 0, 1, Math.max(0, size - 1));
      return bytesRead === 1 && buffer[0] !== NEWLINE;
    } finally {
      await file.close();
    }
  } catch {
    return true;
  }
}

/** The objects are those of `albatross-client log --json`. The file is opened when it is first needed. */
export function jsonLinesSink(path: string): EventSink {
  let file: FileHandle | undefined;
  /** The file may end within a line: the last write failed, or one of an earlier process. */
  let torn = false;
  const close = async () => {
    const held = file;
    file = undefined;
    await held?.close();
  };
  return {
    name: `json-lines:${path}`,
    async write(events) {
      const lines = events.map((event) => `${JSON.stringify(eventToJson(event, event.cursor ?? null))}\n`);
      if (file === undefined) {
        file = await open(path, "a", 0o640);
        torn ||= (await file.stat()).isFile() && (await endsWithinLine(path));
      }
      const text = torn ? `\n${lines.join("")}` : lines.join("");
      torn = true;
      await file.appendFile(text);
      torn = false;
    },
    reopen: close,
    close,
  };
}
