/**
 * GeneralizedTime, with the original's reading of it (wire.md 3).
 *
 * @module
 */
import type { ByteString } from "../byte-string.ts";
import { DecodeError } from "./decode-error.ts";
import type { Codec } from "./der-codec.ts";

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
 * Milliseconds since 1970 of a notation.
 *
 * A fraction is a plain number of milliseconds (`.5` is 5 ms), and second 60 is the first of the next minute: so does
 * the original.
 *
 * @throws {DecodeError}
 */
export function parseTime(notation: string): number {
  const parts = form.exec(notation);
  if (parts === null) throw new DecodeError("GeneralizedTime: not a time");
  const year = digits(parts[1]);
  const month = digits(parts[2]);
  const day = digits(parts[3]);
  const hour = digits(parts[4]);
  const minute = digits(parts[5]);
  const second = digits(parts[6]);
  // setUTCFullYear, since Date.UTC takes years below 100 for those after 1900.
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  const sameDay = date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  const zoneHour = digits(parts[9]);
  const zoneMinute = digits(parts[10]);
  if (!sameDay || hour > 23 || minute > 59 || second > 60 || zoneHour > 23 || zoneMinute > 59) {
    throw new DecodeError("GeneralizedTime: no such date or time of day");
  }
  const offset = (zoneHour * 60 + zoneMinute) * 60_000 * (parts[8] === "-" ? -1 : 1);
  const time = date.getTime() + ((hour * 60 + minute) * 60 + second) * 1000 + digits(parts[7]) - offset;
  if (time < TIME_MIN || time > TIME_MAX) throw new DecodeError("GeneralizedTime: out of range");
  return time;
}

/**
 * The notation of an instant: `20260529101112Z`, or with exactly three digits of fraction where it is not a whole second.
 *
 * @param time milliseconds since 1970; what lies beyond the years 0 to 9999 becomes the nearest instant within
 */
export function formatTime(time: number): string {
  const clamped = Math.min(TIME_MAX, Math.max(TIME_MIN, Math.floor(time)));
  const iso = new Date(clamped).toISOString(); // 2026-05-29T10:11:12.345Z
  const seconds =
    iso.slice(0, 4) + iso.slice(5, 7) + iso.slice(8, 10) + iso.slice(11, 13) + iso.slice(14, 16) + iso.slice(17, 19);
  return clamped % 1000 === 0 ? `${seconds}Z` : `${seconds}${iso.slice(19)}`;
}

/** `TIME`: milliseconds since 1970. */
export const time: Codec<number> = {
  identifiers: [GENERALIZED_TIME],
  read: (reader) => parseTime(reader.text(GENERALIZED_TIME)),
  write(writer, value) {
    const mark = writer.size;
    writer.text(formatTime(value) as ByteString);
    writer.header(GENERALIZED_TIME, mark);
  },
};
