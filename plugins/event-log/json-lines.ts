/**
 * A sink that appends an object on a line for each event to a file.
 *
 * @module
 */
import { type FileHandle, open } from "node:fs/promises";
import { eventToJson } from "../../core/log/json.ts";
import type { EventSink } from "../event-sink.ts";

/** The objects are those of `albatross-client log --json`. The file is opened when it is first needed. */
export function jsonLinesSink(path: string): EventSink {
  let file: FileHandle | undefined;
  /** The last write failed, so that the file may end within a line. */
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
      const text = torn ? `\n${lines.join("")}` : lines.join("");
      file ??= await open(path, "a", 0o640);
      torn = true;
      await file.appendFile(text);
      torn = false;
    },
    reopen: close,
    close,
  };
}
