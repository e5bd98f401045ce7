/**
 * Cursors as text: `<16 hex digits>.<number>`.
 *
 * The digits also are the answer to a subscription, and the number is the sequence of each data message: so a cursor
 * needs no place of its own in the messages.
 *
 * @module
 */
import { type ByteString, fromText } from "../byte-string.ts";
import { type Cursor, LOG_ID_BYTES } from "./event.ts";

const identity = new RegExp(`^[0-9a-f]{${2 * LOG_ID_BYTES}}$`);
const form = new RegExp(`^([0-9a-f]{${2 * LOG_ID_BYTES}})\\.(\\d{1,20})$`);
const ENTRY_MAX = 2n ** 64n - 1n;

/** The identity of a log, as it is answered to a subscription. */
export function formatLogId(log: Uint8Array): ByteString {
  return fromText(log.toHex());
}

/** The identity in an answer; `undefined` if it is none. */
export function parseLogId(text: string): Uint8Array | undefined {
  return identity.test(text) ? Uint8Array.fromHex(text) : undefined;
}

/** A cursor in its notation. */
export function formatCursor({ log, entry }: Cursor): string {
  return `${formatLogId(log)}.${entry}`;
}

/** The cursor that `text` is the notation of; `undefined` if it is none. */
export function parseCursor(text: string): Cursor | undefined {
  const [, digits = "", number = ""] = form.exec(text) ?? [];
  const log = parseLogId(digits);
  if (log === undefined) return undefined;
  const entry = BigInt(number);
  return entry > ENTRY_MAX ? undefined : { log, entry };
}
