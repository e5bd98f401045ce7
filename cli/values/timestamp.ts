/**
 * The value of `--since`.
 *
 * @module
 */
import { ValueError } from "../../client/value-error.ts";

const rfc3339 = /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?(?:[Zz]|([+-])(\d{2}):(\d{2})))?$/;

/**
 * RFC 3339 with an offset, separated by `T`, `t` or a blank; or a bare date, midnight UTC.
 *
 * @returns milliseconds since 1970
 * @throws {ValueError} `couldn't parse timestamp`
 */
export function parseTimestamp(text: string): number {
  const parts = rfc3339.exec(text);
  if (parts === null) throw new ValueError("couldn't parse timestamp");
  const number = (at: number) => Number(parts[at] ?? 0);
  const [year, month, day, hour, minute, second] = [1, 2, 3, 4, 5, 6].map(number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const millisecond = Number(`${parts[7] ?? ""}000`.slice(0, 3));
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  const real = date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  // RFC 3339 allows second 60, for leap seconds; it is the second after.
  if (!real || hour > 23 || minute > 59 || second > 60 || number(9) > 23 || number(10) > 59) {
    throw new ValueError("couldn't parse timestamp");
  }
  const offset = (parts[8] === "-" ? -1 : 1) * (number(9) * 60 + number(10));
  return date.getTime() + ((hour * 60 + minute - offset) * 60 + second) * 1000 + millisecond;
}
