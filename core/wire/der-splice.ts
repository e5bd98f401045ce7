/**
 * The encoding of a value around bytes that are not at hand: an image that is sent, or written, from where it is.
 *
 * DER puts lengths before contents, but needs no more of an image than its size: the value is encoded with an empty
 * OCTET STRING in its place, and the lengths around it are corrected.
 *
 * @module
 */

/** What stands before and after the bytes. */
export interface Around {
  readonly prefix: Uint8Array;
  readonly suffix: Uint8Array;
}

/** Offsets of an element's identifier, its content and what follows it. */
interface Element {
  readonly start: number;
  readonly content: number;
  readonly end: number;
}

/** Reads the header of an element that our own encoder wrote, so one identifier byte and a definite length. */
function elementAt(bytes: Uint8Array, start: number): Element {
  const first = bytes[start + 1] ?? 0;
  let content = start + 2;
  let length = first;
  if (first >= 0x80) {
    length = 0;
    for (const end = content + (first & 0x7f); content < end; content++) length = length * 256 + (bytes[content] ?? 0);
  }
  return { start, content, end: content + length };
}

/** The header of an element: its identifier byte and the length of its content, which may go beyond 32 bits. */
export function elementHeader(identifier: number, length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(identifier, length);
  const digits: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256);
  return Uint8Array.of(identifier, 0x80 | digits.length, ...digits);
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * What stands around `length` bytes in place of an empty string.
 *
 * @param bytes the value, encoded by ourselves with the empty string
 * @param path the way to it: which element of each structure to enter, from the outermost one
 */
export function spliceAround(bytes: Uint8Array, path: readonly number[], length: number): Around {
  const outer: Element[] = [];
  let element = elementAt(bytes, 0);
  for (const index of path) {
    outer.push(element);
    let at = element.content;
    for (let skipped = 0; skipped < index; skipped++) at = elementAt(bytes, at).end;
    element = elementAt(bytes, at);
  }
  // `element` is the empty string now: its header is written anew, and every header around it, from the inside out.
  const suffix = bytes.subarray(element.end);
  const own = elementHeader(bytes[element.start] ?? 0, length);
  const parts: Uint8Array[] = [own];
  let growth = own.length - (element.content - element.start) + length;
  let before = element.start;
  for (const each of outer.reverse()) {
    const anew = elementHeader(bytes[each.start] ?? 0, each.end - each.content + growth);
    parts.unshift(anew, bytes.subarray(each.content, before));
    growth += anew.length - (each.content - each.start);
    before = each.start;
  }
  return { prefix: concatenate(parts), suffix };
}
