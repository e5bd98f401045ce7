/**
 * GeneralizedTime, with the original's reading of it (wire.md 3).
 *
 * @module
 */
import { fromBytes } from "../byte-string.ts";
import { DecodeError } from "./decode-error.ts";
import type { Codec } from "./der-codec.ts";
import { Writer } from "./der-writer.ts";

const GENERALIZED_TIME = 0x18;

/** 0000-01-01T00:00:00Z, in milliseconds since 1970: the earliest instant there is a notation for. */
export const TIME_MIN = -62_167_219_200_000;

/** 9999-12-31T23:59:59.999Z, in milliseconds since 1970: the latest. */
export const TIME_MAX = 253_402_300_799_999;

const form = /^(\d{4})(\d\d)(\d\d)(\d\d)(?:(\d\d)(\d\d)?)?(?:\.(\d{1,3}))?(?:Z|([+-])(\d\d)(\d\d))?$/;

function digits(part: string | undefined): number {
  return part === undefined ? 0 : Number(part);
}

/**
 * Milliseconds since 1970 of a date and time of day in UTC.
 *
 * Second 60 is the first of the next minute, as in the original.
 *
 * @throws {DecodeError} if there is no such date or time of day
 */
function instant(year: number, month: number, day: number, hour: number, minute: number, second: number): number {
  if (month < 1 || month > 12 || day < 1 || day > daysOf(year, month) || hour > 23 || minute > 59 || second > 60) {
    throw new DecodeError("GeneralizedTime: no such date or time of day");
  }
  if (year >= 100) return Date.UTC(year, month - 1, day, hour, minute, second);
  // Date.UTC takes years below 100 for those after 1900. The calendar repeats after 400 years.
  return Date.UTC(year + 400, month - 1, day, hour, minute, second) - FOUR_CENTURIES_MS;
}

const FOUR_CENTURIES_MS = 146_097 * 86_400_000;

const monthLengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

function daysOf(year: number, month: number): number {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month === 2 && leap ? 29 : (monthLengths[month - 1] ?? 0);
}

/**
 * Milliseconds since 1970 of a notation. A fraction is a plain number of milliseconds (`.5` is 5 ms), as in the original.
 *
 * @throws {DecodeError}
 */
export function parseTime(notation: string): number {
  const parts = form.exec(notation);
  if (parts === null) throw new DecodeError("GeneralizedTime: not a time");
  const [, year, month, day, hour, minute, second, fraction, sign, zoneHour, zoneMinute] = parts;
  const local = instant(digits(year), digits(month), digits(day), digits(hour), digits(minute), digits(second));
  if (digits(zoneHour) > 23 || digits(zoneMinute) > 59) throw new DecodeError("GeneralizedTime: no such time zone");
  const offset = (digits(zoneHour) * 60 + digits(zoneMinute)) * 60_000 * (sign === "-" ? -1 : 1);
  const time = local + digits(fraction) - offset;
  if (time < TIME_MIN || time > TIME_MAX) throw new DecodeError("GeneralizedTime: out of range");
  return time;
}

/** The number that `count` ASCII digits from `at` make; not a number if they are no digits. */
function decimal(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let index = at; index < at + count; index++) {
    const digit = (bytes[index] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}

const DOT = 0x2e;
const Z = 0x5a;

/** Lengths of the two forms that are written: with and without milliseconds. */
const WHOLE_LENGTH = 15;
const FRACTION_LENGTH = 19;

/** The instant of one of the two forms that are written, without the detour over text; `undefined` if it is neither. */
function parseUsual(bytes: Uint8Array, at: number, length: number): number | undefined {
  if (bytes[at + length - 1] !== Z) return undefined;
  let fraction = 0;
  if (length === FRACTION_LENGTH && bytes[at + 14] === DOT) fraction = decimal(bytes, at + 15, 3);
  else if (length !== WHOLE_LENGTH) return undefined;
  const date = decimal(bytes, at, 8);
  const timeOfDay = decimal(bytes, at + 8, 6);
  if (Number.isNaN(date + timeOfDay + fraction)) return undefined;
  const whole = instant(
    Math.floor(date / 10_000),
    Math.floor(date / 100) % 100,
    date % 100,
    Math.floor(timeOfDay / 10_000),
    Math.floor(timeOfDay / 100) % 100,
    timeOfDay % 100,
  );
  return whole + fraction > TIME_MAX ? undefined : whole + fraction;
}

/** Puts the notation of an instant before what was written. */
function putTime(writer: Writer, time: number): void {
  const clamped = Math.min(TIME_MAX, Math.max(TIME_MIN, time));
  const date = new Date(Math.floor(clamped));
  writer.byte(Z);
  // Less than a millisecond is a fraction, too, of which the original writes `.000`.
  if (clamped % 1000 !== 0) {
    writer.decimal(date.getUTCMilliseconds(), 3);
    writer.byte(DOT);
  }
  writer.decimal(date.getUTCSeconds(), 2);
  writer.decimal(date.getUTCMinutes(), 2);
  writer.decimal(date.getUTCHours(), 2);
  writer.decimal(date.getUTCDate(), 2);
  writer.decimal(date.getUTCMonth() + 1, 2);
  writer.decimal(date.getUTCFullYear(), 4);
}

/**
 * The notation of an instant: `20260529101112Z`, or with exactly three digits of fraction where it is not a whole second.
 *
 * @param time milliseconds since 1970; what lies beyond the years 0 to 9999 becomes the nearest instant within
 */
export function formatTime(time: number): string {
  const writer = new Writer(FRACTION_LENGTH);
  putTime(writer, time);
  return fromBytes(writer.finish());
}

/** `TIME`: milliseconds since 1970. */
export const time: Codec<number> = {
  identifiers: [GENERALIZED_TIME],
  read(reader) {
    const { at } = reader;
    const length = reader.header(GENERALIZED_TIME);
    const usual = parseUsual(reader.bytes, reader.at, length);
    if (usual !== undefined) {
      reader.at += length;
      return usual;
    }
    reader.at = at;
    return parseTime(reader.text(GENERALIZED_TIME));
  },
  write(writer, value) {
    const mark = writer.size;
    putTime(writer, value);
    writer.header(GENERALIZED_TIME, mark);
  },
};
