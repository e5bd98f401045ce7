/**
 * How events lie in the files of the log: records that tell where they end and whether they are whole.
 *
 * ```
 * file   ::= "ALBALOG1", identity of the log (8 bytes), number of the first event (8 bytes), record…
 * record ::= 0xF5 "EVT", CRC-32 of all that follows, length of the rest (4 bytes each, big-endian),
 *            number given by the feeder (8 bytes), time (8 bytes, a double: milliseconds since 1970),
 *            the message as subscribers get it, its sequence being the number of the event
 * ```
 *
 * A record is found again behind a damaged one by its first bytes and its sum.
 *
 * @module
 */
import { EVENT_MAX, LOG_ID_BYTES } from "../../core/log/event.ts";
import { lateZlib } from "../../runtime/late-modules.ts";

const FILE_MARK = new TextEncoder().encode("ALBALOG1");

/** Bytes before the first record of a file. */
export const FILE_HEAD: number = FILE_MARK.length + LOG_ID_BYTES + 8;

const RECORD_MARK = 0xf545_5654;
const CRC_AT = 4;
const LENGTH_AT = 8;
const FEEDER_AT = 12;
const TIME_AT = 20;

/** Bytes of a record before its message. */
export const RECORD_HEAD = 28;

/** The first bytes of a file. */
export function fileHead(log: Uint8Array, first: number): Uint8Array {
  const head = new Uint8Array(FILE_HEAD);
  head.set(FILE_MARK);
  head.set(log, FILE_MARK.length);
  new DataView(head.buffer).setBigUint64(FILE_MARK.length + LOG_ID_BYTES, BigInt(first));
  return head;
}

/** The identity of the log in the first bytes of a file; `undefined` if they are damaged or of something else. */
export function readFileHead(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length < FILE_HEAD || FILE_MARK.some((byte, at) => bytes[at] !== byte)) return undefined;
  // Not `slice`: that of a Buffer is a view.
  return new Uint8Array(bytes.subarray(FILE_MARK.length, FILE_MARK.length + LOG_ID_BYTES));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A record. */
export function encodeRecord(feeder: bigint, time: number, message: Uint8Array): Uint8Array {
  const record = new Uint8Array(RECORD_HEAD + message.length);
  const view = viewOf(record);
  view.setUint32(0, RECORD_MARK);
  view.setUint32(LENGTH_AT, record.length - FEEDER_AT);
  view.setBigUint64(FEEDER_AT, feeder);
  view.setFloat64(TIME_AT, time);
  record.set(message, RECORD_HEAD);
  view.setUint32(CRC_AT, lateZlib().crc32(record.subarray(LENGTH_AT)));
  return record;
}

/** A whole record that was found. */
export interface FoundRecord {
  /** Where it begins and ends in the bytes. */
  readonly start: number;
  readonly end: number;
  readonly feeder: bigint;
  readonly time: number;
  readonly message: Uint8Array;
}

/** The record that begins at `at`; `undefined` if there is none, or a damaged one. Its message is a view on `bytes`. */
export function recordAt(bytes: Uint8Array, at: number, view: DataView = viewOf(bytes)): FoundRecord | undefined {
  if (at + RECORD_HEAD > bytes.length || view.getUint32(at) !== RECORD_MARK) return undefined;
  const length = view.getUint32(at + LENGTH_AT);
  const end = at + FEEDER_AT + length;
  if (length < RECORD_HEAD - FEEDER_AT || length > EVENT_MAX + RECORD_HEAD || end > bytes.length) return undefined;
  if (view.getUint32(at + CRC_AT) !== lateZlib().crc32(bytes.subarray(at + LENGTH_AT, end))) return undefined;
  const [feeder, time] = [view.getBigUint64(at + FEEDER_AT), view.getFloat64(at + TIME_AT)];
  return { start: at, end, feeder, time, message: bytes.subarray(at + RECORD_HEAD, end) };
}

/** The whole records in `bytes` from `from` on, whatever lies between them. Messages are views on `bytes`. */
export function* findRecords(bytes: Uint8Array, from: number): Generator<FoundRecord, void> {
  const view = viewOf(bytes);
  const firstByte = RECORD_MARK >>> 24;
  for (let at = from; at >= 0 && at < bytes.length; ) {
    const record = recordAt(bytes, at, view);
    if (record === undefined) {
      at = bytes.indexOf(firstByte, at + 1);
    } else {
      yield record;
      at = record.end;
    }
  }
}
