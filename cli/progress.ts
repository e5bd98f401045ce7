/**
 * The progress of a transfer, on a terminal: one line on standard error that is written anew, and gone at the end.
 *
 * @module
 */
import { fstatSync } from "node:fs";
import type { Context } from "./context.ts";
import { writeText } from "./output.ts";

/** The line is written at most this often: milliseconds. */
export const PROGRESS_INTERVAL_MS = 100;

/** Uploads that are done by then show nothing: milliseconds. */
export const PROGRESS_DELAY_MS = 200;

/** Columns of the bar itself. */
const BAR = 24;

/** What is told of while bytes are read for an upload. */
export interface Progress {
  /** Further bytes were taken. */
  advance(bytes: number): void;
  /** Removes the line. */
  finish(): void;
}

/** Whether progress is shown: to people who look at a terminal and did not ask for silence or JSON. */
export function wantsProgress(context: Context): boolean {
  if (context.json || context.log.quiet) return false;
  const terminal = context.environment["TERM"];
  if (terminal === undefined || terminal === "" || terminal === "dumb") return false;
  try {
    return fstatSync(2).isCharacterDevice();
  } catch {
    return false; // a closed descriptor is no terminal
  }
}

/** Follows a transfer of `total` bytes, if that is known; shows nothing unless {@link wantsProgress}. */
export function followTransfer(context: Context, total: number | undefined): Progress {
  if (!wantsProgress(context)) return { advance: () => undefined, finish: () => undefined };
  return showProgress(
    total,
    (text) => writeText(2, text),
    () => performance.now(),
  );
}

/** Follows a transfer by lines given to `write`. `now` counts milliseconds. */
export function showProgress(total: number | undefined, write: (text: string) => void, now: () => number): Progress {
  const begin = now();
  let done = 0;
  let written = begin + PROGRESS_DELAY_MS - PROGRESS_INTERVAL_MS;
  let width = 0;
  return {
    advance(bytes) {
      done += bytes;
      const time = now();
      if (time - written < PROGRESS_INTERVAL_MS) return;
      written = time;
      const line = progressLine(done, total, time - begin);
      write(`\r${line.padEnd(width)}`);
      width = Math.max(width, line.length);
    },
    finish() {
      if (width > 0) write(`\r${" ".repeat(width)}\r`);
      width = 0;
    },
  };
}

/** The line after `elapsed` milliseconds: how much, how fast, and how long it will take. */
export function progressLine(done: number, total: number | undefined, elapsed: number): string {
  if (total === undefined) return `${amount(done)}, ${amount(elapsed > 0 ? (done / elapsed) * 1000 : 0)}/s`;
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const filled = Math.round(share * BAR);
  const speed = elapsed > 0 ? (done / elapsed) * 1000 : 0;
  const rest = speed > 0 ? `, ${duration(Math.max(0, total - done) / speed)} left` : "";
  const percent = `${Math.floor(share * 100)}%`.padStart(4);
  return `[${"=".repeat(filled).padEnd(BAR)}]${percent} of ${amount(total)}, ${amount(speed)}/s${rest}`;
}

const units = ["B", "kB", "MB", "GB", "TB"] as const;

/** `9.5 MB`; decimal units. */
export function amount(bytes: number): string {
  let value = bytes;
  let unit = 0;
  for (; value >= 999.5 && unit < units.length - 1; unit++) value /= 1000;
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[unit] ?? ""}`;
}

/** `0:05`, `12:34`, `1:02:03`. */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = String(rest).padStart(2, "0");
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
}
