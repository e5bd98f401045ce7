/**
 * Typed combinators: codecs of structures, made from codecs of their parts (wire.md 2).
 *
 * @module
 */
import { DecodeError } from "./decode-error.ts";
import { mismatch, type Reader } from "./der-reader.ts";
import type { Writer } from "./der-writer.ts";

/** Reads a value of one type. */
export interface Decoder<T> {
  /** The identifier bytes such a value may begin with; empty if the value may be absent. */
  readonly identifiers: readonly number[];
  /** @throws {DecodeError} */
  read(reader: Reader): T;
}

/** Reads and writes values of one type. */
export interface Codec<T> extends Decoder<T> {
  write(writer: Writer, value: T): void;
}

/** The most elements in one SEQUENCE OF or SET OF. Bounds what a message can make us allocate per byte. */
export const ELEMENTS_MAX = 65_536;

const SEQUENCE = 0x30;
const SET = 0x31;

/**
 * A codec that is made when it is first used. A program that is started for one message builds only what that needs:
 * making all codecs would be a good part of its run time.
 */
export function lazy<T>(make: () => Codec<T>): Codec<T> {
  let made: Codec<T> | undefined;
  const get = () => {
    made ??= make();
    return made;
  };
  return {
    get identifiers() {
      return get().identifiers;
    },
    read: (reader) => get().read(reader),
    write: (writer, value) => get().write(writer, value),
  };
}

/** As {@link lazy}, for what is only decoded. */
export function lazyDecoder<T>(make: () => Decoder<T>): Decoder<T> {
  let made: Decoder<T> | undefined;
  const get = () => {
    made ??= make();
    return made;
  };
  return {
    get identifiers() {
      return get().identifiers;
    },
    read: (reader) => get().read(reader),
  };
}

/** `[tag] EXPLICIT`: a wrapper around exactly one element. */
export function explicit<T>(tag: number, inner: Codec<T>): Codec<T> {
  const identifier = 0xa0 | tag;
  return {
    ...explicitDecoder(tag, inner),
    write(writer, value) {
      const mark = writer.size;
      inner.write(writer, value);
      writer.header(identifier, mark);
    },
  };
}

/** As {@link explicit}, for what is only decoded. */
export function explicitDecoder<T>(tag: number, inner: Decoder<T>): Decoder<T> {
  const identifier = 0xa0 | tag;
  return {
    identifiers: [identifier],
    read(reader) {
      const outer = reader.enter(identifier);
      const value = inner.read(reader);
      reader.leave(outer);
      return value;
    },
  };
}

/** A codec of another type, by conversion. `from` may throw {@link DecodeError}. */
export function convert<A, B>(inner: Codec<A>, from: (value: A) => B, to: (value: B) => A): Codec<B> {
  return { ...convertDecoder(inner, from), write: (writer, value) => inner.write(writer, to(value)) };
}

/** As {@link convert}, for what is only decoded. */
export function convertDecoder<A, B>(inner: Decoder<A>, from: (value: A) => B): Decoder<B> {
  return { identifiers: inner.identifiers, read: (reader) => from(inner.read(reader)) };
}

/** An element that may be left out: `undefined`. */
export function optional<T>(inner: Codec<T>): Codec<T | undefined> {
  return {
    ...optionalDecoder(inner),
    write(writer, value) {
      if (value !== undefined) inner.write(writer, value);
    },
  };
}

/** As {@link optional}, for what is only decoded. */
export function optionalDecoder<T>(inner: Decoder<T>): Decoder<T | undefined> {
  const { identifiers } = inner;
  return { identifiers: [], read: (reader) => (identifiers.includes(reader.peek()) ? inner.read(reader) : undefined) };
}

/** An element that is always written, but whose absence is understood as `absent`. */
export function withDefault<T>(inner: Codec<T>, absent: T): Codec<T> {
  return convert<T | undefined, T>(
    optional(inner),
    (value) => (value === undefined ? absent : value),
    (value) => value,
  );
}

/** A list that is left out when it is empty. */
export function listOrAbsent<T>(inner: Codec<readonly T[]>): Codec<readonly T[]> {
  return convert<readonly T[] | undefined, readonly T[]>(
    optional(inner),
    (value) => value ?? [],
    (value) => (value.length === 0 ? undefined : value),
  );
}

function readElements<T>(reader: Reader, identifier: number, element: Decoder<T>): T[] {
  const outer = reader.enter(identifier);
  const values: T[] = [];
  while (reader.more) {
    if (values.length === ELEMENTS_MAX) throw new DecodeError(`List of more than ${ELEMENTS_MAX} elements`);
    values.push(element.read(reader));
  }
  reader.leave(outer);
  return values;
}

/** SEQUENCE OF: order is kept. */
export function sequenceOf<T>(element: Codec<T>): Codec<readonly T[]> {
  return {
    ...sequenceOfDecoder(element),
    write(writer, values) {
      const mark = writer.size;
      for (let index = values.length - 1; index >= 0; index--) element.write(writer, values[index] as T);
      writer.header(SEQUENCE, mark);
    },
  };
}

/** As {@link sequenceOf}, for what is only decoded. */
export function sequenceOfDecoder<T>(element: Decoder<T>): Decoder<readonly T[]> {
  return { identifiers: [SEQUENCE], read: (reader) => readElements(reader, SEQUENCE, element) };
}

/** SET OF: sorted on encoding, any order on decoding. */
export function setOf<T>(element: Codec<T>): Codec<readonly T[]> {
  return {
    identifiers: [SET],
    read: (reader) => readElements(reader, SET, element),
    write(writer, values) {
      const mark = writer.size;
      const sizes = [mark];
      for (let index = values.length - 1; index >= 0; index--) {
        element.write(writer, values[index] as T);
        sizes.push(writer.size);
      }
      writer.sort(sizes);
      writer.header(SET, mark);
    },
  };
}

type Codecs<T> = { readonly [K in keyof T]-?: Codec<T[K]> };
type Decoders<T> = { readonly [K in keyof T]-?: Decoder<T[K]> };

/**
 * SEQUENCE: the fields in the order in which they are written down. `identifier` replaces the SEQUENCE's own
 * (IMPLICIT tagging).
 */
export function sequence<T extends object>(fields: Codecs<T>, identifier: number = SEQUENCE): Codec<T> {
  const keys = Object.keys(fields) as (keyof T)[];
  const backwards = keys.map((key) => ({ key, codec: fields[key] })).reverse();
  return {
    ...sequenceDecoder<T>(fields, identifier),
    write(writer, value) {
      const mark = writer.size;
      for (const { key, codec } of backwards) codec.write(writer, value[key]);
      writer.header(identifier, mark);
    },
  };
}

/** As {@link sequence}, for what is only decoded. */
export function sequenceDecoder<T extends object>(fields: Decoders<T>, identifier: number = SEQUENCE): Decoder<T> {
  const parts = (Object.keys(fields) as (keyof T)[]).map((key) => ({ key, decoder: fields[key] }));
  return {
    identifiers: [identifier],
    read(reader) {
      const outer = reader.enter(identifier);
      const value: Partial<T> = {};
      for (const { key, decoder } of parts) value[key] = decoder.read(reader);
      reader.leave(outer);
      return value as T;
    },
  };
}

/** An alternative of a {@link choice}: an element, and the value it stands for. */
export function alternative<A, T>(inner: Decoder<A>, build: (value: A) => T): Decoder<T> {
  return convertDecoder(inner, build);
}

/**
 * CHOICE: reads the alternative whose identifier is there; `write` picks by the value.
 *
 * @param extensions alternatives of ours that the protocol does not know, and that errors do not name
 */
export function choice<T>(
  alternatives: readonly Decoder<T>[],
  write: (writer: Writer, value: T) => void,
  extensions: readonly Decoder<T>[] = [],
): Codec<T> {
  return { ...choiceDecoder(alternatives, extensions), write };
}

/** As {@link choice}, for what is only decoded. */
export function choiceDecoder<T>(
  alternatives: readonly Decoder<T>[],
  extensions: readonly Decoder<T>[] = [],
): Decoder<T> {
  const table: (Decoder<T> | undefined)[] = new Array<Decoder<T> | undefined>(256).fill(undefined);
  const identifiers: number[] = [];
  for (const one of [...alternatives, ...extensions]) {
    for (const identifier of one.identifiers) {
      table[identifier] = one;
      identifiers.push(identifier);
    }
  }
  const last = Math.max(...alternatives.flatMap((one) => one.identifiers));
  return {
    identifiers,
    read(reader) {
      const got = reader.peek();
      const found = got < 0 ? undefined : table[got];
      if (found === undefined) throw mismatch(last, got);
      return found.read(reader);
    },
  };
}
