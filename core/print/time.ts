/**
 * Printed instants (wire.md 20).
 *
 * @module
 */
import { TIME_MAX, TIME_MIN } from "../wire/der-time.ts";

/**
 * RFC 3339 in UTC with seconds precision and the offset `-00:00`.
 *
 * @param time milliseconds since 1970; what lies beyond the years 0 to 9999 becomes the nearest instant within
 */
export function printTime(time: number): string {
  const clamped = Math.min(TIME_MAX, Math.max(TIME_MIN, time));
  return `${new Date(Math.floor(clamped / 1000) * 1000).toISOString().slice(0, 19)}-00:00`;
}
