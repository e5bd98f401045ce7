/**
 * Takes JSON apart, with errors that say where something is wrong.
 *
 * @module
 */
import { type ByteString, fromBytes, fromText } from "../../core/byte-string.ts";
import { INT_MAX, INT_MIN, type Int, normalize } from "../../core/int.ts";

/** JSON that is not what was asked for. */
export class JsonError extends Error {
  override readonly name = "JsonError";
}

/** Hex digits of either case. That they come in pairs is checked apart: a repeated group would be slow on long texts. */
const hexForm = /^[0-9a-fA-F]*$/;

/** The bytes that hex digits stand for; `undefined` if `text` is something else. */
export function fromHex(text: string): Uint8Array | undefined {
  return text.length % 2 === 0 && hexForm.test(text) ? Buffer.from(text, "hex") : undefined;
}

/** A value somewhere in a JSON text. Every method throws {@link JsonError} if the value is of another kind. */
export class JsonReader {
  readonly value: unknown;
  readonly #where: string;

  constructor(value: unknown, where = "value") {
    this.value = value;
    this.#where = where;
  }

  /** The JSON text `text`. */
  static parse(text: string): JsonReader {
    try {
      return new JsonReader(JSON.parse(text));
    } catch (error) {
      throw new JsonError(`not JSON: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }

  #wrong(expected: string): JsonError {
    return new JsonError(`${this.#where} is not ${expected}`);
  }

  get isNull(): boolean {
    return this.value === null || this.value === undefined;
  }

  #object(): object {
    if (typeof this.value !== "object" || this.value === null || Array.isArray(this.value))
      throw this.#wrong("an object");
    return this.value;
  }

  /** A member of an object; a missing one is null. */
  get(key: string): JsonReader {
    const members: { readonly [key: string]: unknown } = { ...this.#object() };
    return new JsonReader(Object.hasOwn(members, key) ? members[key] : null, `${this.#where}.${key}`);
  }

  /** Whether this is an object with such a member. */
  has(key: string): boolean {
    return typeof this.value === "object" && this.value !== null && Object.hasOwn(this.value, key);
  }

  /** The only member of an object, or a string as a member without content. */
  only(): readonly [key: string, content: JsonReader] {
    if (typeof this.value === "string") return [this.value, new JsonReader(null, `${this.#where}.${this.value}`)];
    const [key, ...others] = Object.keys(this.#object());
    if (key === undefined || others.length > 0) throw this.#wrong("an object with one member");
    return [key, this.get(key)];
  }

  /** The elements of an array. */
  list(): readonly JsonReader[] {
    if (!Array.isArray(this.value)) throw this.#wrong("an array");
    return this.value.map((value: unknown, index) => new JsonReader(value, `${this.#where}[${index}]`));
  }

  string(): string {
    if (typeof this.value !== "string") throw this.#wrong("a string");
    return this.value;
  }

  boolean(): boolean {
    if (typeof this.value !== "boolean") throw this.#wrong("true or false");
    return this.value;
  }

  /** A whole number, as number or decimal string. */
  bigint(): bigint {
    if (typeof this.value === "number" && Number.isSafeInteger(this.value)) return BigInt(this.value);
    if (typeof this.value === "string" && /^-?\d{1,20}$/.test(this.value)) return BigInt(this.value);
    throw this.#wrong("a whole number");
  }

  int(): Int {
    const value = this.bigint();
    if (value < INT_MIN || value > INT_MAX) throw this.#wrong("a 63-bit number");
    return normalize(value);
  }

  /** A 64-bit number, as unsigned. */
  int64(): bigint {
    return BigInt.asUintN(64, this.bigint());
  }

  text(): ByteString {
    return typeof this.value === "string" ? fromText(this.value) : fromBytes(this.get("bytes_hex").hex());
  }

  hex(): Uint8Array {
    const bytes = fromHex(this.string());
    if (bytes === undefined) throw this.#wrong("hex digits in pairs");
    return bytes;
  }

  /** The result of `read`, or `undefined` for null. */
  optional<T>(read: (reader: JsonReader) => T): T | undefined {
    return this.isNull ? undefined : read(this);
  }
}
