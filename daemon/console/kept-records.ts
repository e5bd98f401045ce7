/**
 * How console output lies in a file: pieces as they came, each with its time and a sum, so that what a crash tore is
 * known. An empty piece is the end of the output.
 *
 * ```
 * file   ::= "ALBACON1", generation (4 bytes, big-endian), 1 if the file begins within a line else 0, three bytes of 0
 * record ::= 0xF6 "CON", CRC-32 of all that follows, length of the piece (4 bytes each), time (8 bytes, a double:
 *            milliseconds since 1970), the piece
 * ```
 *
 * @module
 */
import { lateZlib } from "../../runtime/late-modules.ts";

/** The longest piece, bytes; longer ones are cut. */
export const PIECE_MAX: number = 64 * 1024;

/** Bytes before the first record of a file. */
export const KEPT_HEAD = 16;

const NEWLINE = 10;
const FILE_MARK = new TextEncoder().encode("ALBACON1");
const RECORD_MARK = 0xf643_4f4e;
const RECORD_HEAD = 20;

/** What the first bytes of a file say. */
export interface KeptHead {
  /** Grows with each file that is begun: the greater one is newer. */
  readonly generation: number;
  /** The file begins within a line, whose beginning was in an older one. */
  readonly withinLine: boolean;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The first bytes of a file. */
export function encodeHead({ generation, withinLine }: KeptHead): Uint8Array {
  const head = new Uint8Array(KEPT_HEAD);
  head.set(FILE_MARK);
  viewOf(head).setUint32(FILE_MARK.length, generation);
  head[FILE_MARK.length + 4] = withinLine ? 1 : 0;
  return head;
}

/** What the first bytes of a file say; `undefined` if it is none of ours. */
export function decodeHead(bytes: Uint8Array): KeptHead | undefined {
  if (bytes.length < KEPT_HEAD || FILE_MARK.some((byte, at) => bytes[at] !== byte)) return undefined;
  return { generation: viewOf(bytes).getUint32(FILE_MARK.length), withinLine: bytes[FILE_MARK.length + 4] === 1 };
}

/** A copy of a piece of at most {@link PIECE_MAX} bytes, as a record. */
export function encodePiece(time: number, piece: Uint8Array): Uint8Array {
  const record = new Uint8Array(RECORD_HEAD + piece.length);
  const view = viewOf(record);
  view.setUint32(0, RECORD_MARK);
  view.setUint32(8, piece.length);
  view.setFloat64(12, time);
  record.set(piece, RECORD_HEAD);
  view.setUint32(4, lateZlib().crc32(record.subarray(8)));
  return record;
}

/** Whether what is after this record is within a line that began in it. */
export function endsWithinLine(record: Uint8Array): boolean {
  return record.length > RECORD_HEAD && record[record.length - 1] !== NEWLINE;
}

/** A whole piece that was found; a view on the bytes it was found in. */
export interface KeptPiece {
  readonly time: number;
  readonly piece: Uint8Array;
  /** What was before it is missing, so that it may begin within a line. */
  readonly torn: boolean;
}

/**
 * Adds the whole pieces in `bytes` from `from` on to `found`, whatever lies between them.
 *
 * @param torn whether what was before the first one is missing
 * @returns where the last of them ends
 */
export function findPieces(bytes: Uint8Array, from: number, torn: boolean, found: KeptPiece[]): number {
  const view = viewOf(bytes);
  let end = from;
  for (let at = from; at >= 0 && at + RECORD_HEAD <= bytes.length; ) {
    const length = view.getUint32(at) === RECORD_MARK ? view.getUint32(at + 8) : Number.POSITIVE_INFINITY;
    const next = at + RECORD_HEAD + length;
    const whole = length <= PIECE_MAX && next <= bytes.length;
    if (whole && view.getUint32(at + 4) === lateZlib().crc32(bytes.subarray(at + 8, next))) {
      found.push({ time: view.getFloat64(at + 12), piece: bytes.subarray(at + RECORD_HEAD, next), torn });
      torn = false;
      at = next;
      end = next;
    } else {
      torn = true;
      at = bytes.indexOf(RECORD_MARK >>> 24, at + 1);
    }
  }
  return end;
}
