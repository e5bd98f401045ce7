/**
 * Where the image lies in the encoding of a create command, and the same encoding without it.
 *
 * @module
 */
import { Writer } from "./der-writer.ts";
import { CREATE_IDENTIFIERS } from "./unikernel-command-codec.ts";

/** An element around the image: all numbers are offsets in the whole encoding. */
interface Enclosing {
  readonly identifier: number;
  /** Of its identifier byte. */
  readonly start: number;
  /** Of its content. */
  readonly content: number;
  /** Behind its content. */
  readonly end: number;
}

/** Where an image lies. */
export interface ImagePlace {
  /** Of the image's first byte; -1 if the message is something else (or not valid, which decoding will tell). */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
  /** Offset of the OCTET STRING's identifier byte. */
  readonly start: number;
  /** The elements around the image, outermost first. */
  readonly around: readonly Enclosing[];
}

const other: ImagePlace = { offset: -1, length: 0, start: 0, around: [] };

const SEQUENCE = 0x30;
const COMMAND = 0xa0;
const UNIKERNEL_COMMAND = 0xa3;
const BOOLEAN = 0x01;
const OCTET_STRING = 0x04;

/**
 * The header of the element at `start`: `undefined` if `bytes` end before it does, "invalid" if it is not DER or
 * reaches beyond `limit`.
 */
function header(bytes: Uint8Array, start: number, limit: number): Enclosing | "invalid" | undefined {
  const identifier = bytes[start];
  const first = bytes[start + 1];
  if (start + 2 > limit) return "invalid";
  if (identifier === undefined || first === undefined) return undefined;
  let content = start + 2;
  let length = first;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 6) return "invalid";
    if (content + count > bytes.length) return content + count > limit ? "invalid" : undefined;
    length = 0;
    for (let index = 0; index < count; index++) length = length * 256 + (bytes[content + index] ?? 0);
    if (bytes[content] === 0 || length < 0x7f) return "invalid";
    content += count;
  }
  const end = content + length;
  return end > limit ? "invalid" : { identifier, start, content, end };
}

/**
 * Finds the image, given the first bytes of a message.
 *
 * @param bytes what is there of the message, from its beginning
 * @param total the length of the whole message
 * @returns `undefined` if more bytes are needed to tell
 */
export function locateImage(bytes: Uint8Array, total: number): ImagePlace | undefined {
  const around: Enclosing[] = [];
  let at = 0;
  let limit = total;

  /** Steps into an element if it is one of those expected. */
  const enter = (identifiers: readonly number[]): ImagePlace | undefined | "entered" => {
    const element = header(bytes, at, limit);
    if (element === undefined) return undefined;
    if (element === "invalid" || !identifiers.includes(element.identifier)) return other;
    around.push(element);
    at = element.content;
    limit = element.end;
    return "entered";
  };

  /** Steps over an element of the kind expected. */
  const skip = (identifier: number | undefined): ImagePlace | undefined | "skipped" => {
    const element = header(bytes, at, limit);
    if (element === undefined) return undefined;
    if (element === "invalid" || (identifier !== undefined && element.identifier !== identifier)) return other;
    at = element.end;
    return at > bytes.length ? undefined : "skipped";
  };

  const steps = [
    () => enter([SEQUENCE]),
    () => skip(SEQUENCE), // the message's header
    () => enter([COMMAND]),
    () => enter([UNIKERNEL_COMMAND]),
    () => enter(CREATE_IDENTIFIERS),
    () => enter([SEQUENCE]),
    () => skip(undefined), // the type
    () => skip(BOOLEAN), // whether the image is compressed
  ];
  for (const step of steps) {
    const result = step();
    if (result === undefined || typeof result === "object") return result;
  }
  const image = header(bytes, at, limit);
  if (image === undefined) return undefined;
  if (image === "invalid" || image.identifier !== OCTET_STRING) return other;
  return { offset: image.content, length: image.end - image.content, start: image.start, around };
}

/**
 * The encoding of the same message with an empty image.
 *
 * @param kept the encoding without the bytes of the image
 */
export function withoutImage(kept: Uint8Array, { offset, length, start, around }: ImagePlace): Uint8Array {
  const writer = new Writer(kept.length + 2);
  // An element's end lies behind the image, so in `kept` it is `length` bytes earlier.
  const ends = around.map((element) => element.end - length);
  const marks: number[] = [];
  writer.bytes(kept.subarray(ends[0] ?? offset));
  for (let index = 0; index < ends.length; index++) {
    marks.push(writer.size);
    writer.bytes(kept.subarray(ends[index + 1] ?? offset, ends[index]));
  }
  writer.byte(0);
  writer.byte(OCTET_STRING);
  let before = start;
  for (let index = ends.length - 1; index >= 0; index--) {
    const element = around[index];
    if (element === undefined) break;
    writer.bytes(kept.subarray(element.content, before));
    writer.header(element.identifier, marks[index] ?? 0);
    before = element.start;
  }
  return writer.finish();
}
