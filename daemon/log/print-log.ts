/**
 * Prints the log without serving it: `--read-only`.
 *
 * @module
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { printData } from "../../core/print/message.ts";
import { DecodeError } from "../../core/wire/decode-error.ts";
import { decodeMessage } from "../../core/wire/message-codec.ts";
import type { Log } from "../common/log.ts";
import { FILE_HEAD, findRecords } from "./record.ts";
import { segmentNumber } from "./segment.ts";

/**
 * Prints `entry <number>: <event>` for each event. Works beside a running albatross-log, and changes nothing.
 *
 * @throws the system's error if there is no such directory
 */
export async function printLog(directory: string, log: Log): Promise<void> {
  const files = readdirSync(directory).filter((file) => segmentNumber(file) !== undefined);
  let last = 0n;
  for (const file of files.sort()) {
    let text = "";
    for (const { message } of findRecords(readFileSync(join(directory, file)), FILE_HEAD)) {
      try {
        const { header, payload } = decodeMessage(message);
        if (payload.kind !== "data" || header.sequence <= last) continue; // written again after a failure
        last = header.sequence;
        text += `entry ${header.sequence}: ${printData(payload.data)}\n`;
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        log.warning(`${file} has an event that cannot be read: ${error.message}`);
      }
    }
    // The program ends when this is done: what has been written must have gone out by then.
    await new Promise((resolve) => process.stdout.write(text, resolve));
  }
}
