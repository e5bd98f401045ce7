/**
 * Subjects and issuers. Only their common name means anything to Albatross (pki.md 3 and 4).
 *
 * @module
 */
import { fromBytes, fromText, toDisplay } from "../core/byte-string.ts";
import { DecodeError } from "../core/wire/decode-error.ts";
import type { Reader } from "../core/wire/der-reader.ts";
import { Writer } from "../core/wire/der-writer.ts";
import { readElement, readOid, SEQUENCE, SET, UTF8_STRING, writeOid } from "./der.ts";
import { COMMON_NAME } from "./oids.ts";

/** The most parts of a name that are read. */
export const NAME_PARTS_MAX = 64;

const BMP_STRING = 0x1e;
const UNIVERSAL_STRING = 0x1c;
const LATIN_STRINGS: readonly number[] = [0x13, 0x14, 0x16]; // Printable, Teletex, IA5

/** The text of a value of the type DirectoryString. What is no valid text has U+FFFD in it, which no label has. */
function directoryText(identifier: number, content: Uint8Array): string {
  if (identifier === UTF8_STRING) return toDisplay(fromBytes(content));
  if (LATIN_STRINGS.includes(identifier)) return fromBytes(content);
  const width = identifier === BMP_STRING ? 2 : identifier === UNIVERSAL_STRING ? 4 : undefined;
  if (width === undefined) throw new DecodeError("Common name: not a text");
  if (content.length % width !== 0) throw new DecodeError("Common name: cut short");
  const view = new DataView(content.buffer, content.byteOffset, content.length);
  let text = "";
  for (let at = 0; at < content.length; at += width) {
    const point = width === 2 ? view.getUint16(at) : view.getUint32(at);
    text += width === 2 ? String.fromCharCode(point) : point > 0x10_ffff ? "\u{fffd}" : String.fromCodePoint(point);
  }
  return text;
}

/**
 * Reads a Name.
 *
 * @returns the whole element as a view on the input, and the last common name in it
 */
export function readName(reader: Reader): { readonly raw: Uint8Array; readonly commonName: string | undefined } {
  const start = reader.at;
  const outer = reader.enter(SEQUENCE);
  let commonName: string | undefined;
  let parts = 0;
  while (reader.more) {
    const set = reader.enter(SET);
    while (reader.more) {
      if (++parts > NAME_PARTS_MAX) throw new DecodeError(`Name of more than ${NAME_PARTS_MAX} parts`);
      const pair = reader.enter(SEQUENCE);
      if (readOid(reader) === COMMON_NAME) {
        const identifier = reader.peek();
        commonName = directoryText(identifier, reader.octets(identifier));
      } else {
        readElement(reader);
      }
      reader.leave(pair);
    }
    reader.leave(set);
  }
  reader.leave(outer);
  return { raw: reader.bytes.subarray(start, reader.at), commonName };
}

/** The Name that consists of one common name, a UTF8String. */
export function encodeCommonName(commonName: string): Uint8Array<ArrayBuffer> {
  const text = fromText(commonName);
  const writer = new Writer(text.length + 24);
  writer.text(text);
  writer.header(UTF8_STRING, 0);
  writeOid(writer, COMMON_NAME);
  writer.header(SEQUENCE, 0);
  writer.header(SET, 0);
  writer.header(SEQUENCE, 0);
  return writer.finish();
}
