/**
 * Past lines from disk, for who wants more of them than memory has.
 *
 * @module
 */
import type { Name } from "../../core/name.ts";
import { ConsoleDataEncoder } from "../../core/wire/console-data.ts";
import type { History } from "../../core/wire/message.ts";
import type { Connection } from "../../runtime/unix-socket.ts";
import { splitPieces } from "./kept-lines.ts";
import type { KeptPiece } from "./kept-records.ts";
import type { LineBatch } from "./line-batch.ts";
import type { Ring } from "./ring.ts";

/** Bytes of kept output that are looked at for one subscriber, the newest ones. */
export const KEPT_HISTORY_MAX: number = 8 * 1024 * 1024;

/** Bytes that are sent to one subscriber as its history: short lines grow on their way. */
export const HISTORY_SENT_MAX: number = 16 * 1024 * 1024;

/** Bytes that are sent together. */
const BATCH_BYTES = 256 * 1024;

/** Whether a subscriber wants older lines than there are in memory. */
export function wantsOlder(from: History, ring: Ring): boolean {
  if ("count" in from) return from.count > ring.count;
  return ring.oldest === undefined || ring.oldest >= from.since;
}

/**
 * Sends the lines in `pieces` that are wanted: all at once, so that live lines can only follow.
 *
 * @param least lines that memory has
 * @returns whether there was a point in it: false, and nothing is sent, if the disk has less than memory
 */
export function sendKeptHistory(
  pieces: readonly KeptPiece[],
  { maxLine, least }: { readonly maxLine: number; readonly least: number },
  from: History,
  name: Name,
  connection: Connection,
): boolean {
  const data = new ConsoleDataEncoder(name);
  const wanted = (time: number) => !("since" in from) || time >= from.since;
  let kept = 0;
  const each = (visit: (time: number, bytes: Uint8Array, start: number, end: number) => void) => {
    splitPieces(pieces, maxLine, (time, { count, bytes, starts, ends }: LineBatch) => {
      kept += count;
      if (!wanted(time)) return;
      for (let at = 0; at < count; at++) visit(time, bytes, starts[at] ?? 0, ends[at] ?? 0);
    });
  };
  let lines = 0;
  let size = 0;
  each((_time, _bytes, start, end) => {
    lines++;
    size += data.room(end - start);
  });
  if (kept < least) return false;
  const most = "count" in from ? from.count : Number.POSITIVE_INFINITY;
  const out = new Uint8Array(BATCH_BYTES + data.room(2 * maxLine));
  let filled = 0;
  each((time, bytes, start, end) => {
    const room = data.room(end - start);
    const skipped = lines > most || size > HISTORY_SENT_MAX;
    lines--;
    size -= room;
    if (skipped) return;
    if (filled + room > out.length) {
      connection.send(out.subarray(0, filled));
      filled = 0;
    }
    data.setTime(time);
    filled = data.write(bytes, start, end, out, filled);
  });
  if (filled > 0) connection.send(out.subarray(0, filled));
  return true;
}
