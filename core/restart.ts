/**
 * Whether and when to start a unikernel again that ended by itself (daemon.md 11).
 *
 * @module
 */
import type { FailBehaviour } from "./unikernel.ts";

/** How a process ended. */
export type ProcessEnd =
  | { readonly kind: "exit" /** 0–255 */; readonly code: number }
  | { readonly kind: "signal" /** Number of the signal on the host */; readonly signal: number }
  | { readonly kind: "stop"; readonly signal: number }
  /** It was not ours to wait for, or waiting failed. */
  | { readonly kind: "unknown" };

/** The exit code that stands for an end nobody saw. */
export const UNKNOWN_EXIT_CODE = 23;

/** The exit code by which a unikernel says that it does not know the argument `--name`. */
export const ARGUMENTS_EXIT_CODE = 64;

/** Exit codes never restarted, even if listed: 1 is the tender's own failure, 60 to 64 are bad configurations. */
const neverRestarted: ReadonlySet<number> = new Set([1, 60, 61, 62, 63, ARGUMENTS_EXIT_CODE]);

/** Whether a unikernel that ended like this shall be started again. */
export function shouldRestart(end: ProcessEnd, failBehaviour: FailBehaviour): boolean {
  if (failBehaviour.kind === "quit" || end.kind === "signal" || end.kind === "stop") return false;
  const code = end.kind === "unknown" ? UNKNOWN_EXIT_CODE : end.code;
  if (neverRestarted.has(code)) return false;
  return failBehaviour.exitCodes.length === 0 || failBehaviour.exitCodes.includes(code);
}

/** The wait before the first restart */
export const RESTART_DELAY_MIN_MS = 100;

/** The longest wait before a restart */
export const RESTART_DELAY_MAX_MS = 30_000;

/** A unikernel that ran this long was healthy: its next failure counts as the first. */
export const HEALTHY_AFTER_MS = 60_000;

/**
 * How often in a row a unikernel has failed that just did so again.
 *
 * @param before failures in a row before this one
 * @param ranFor how long it ran this time, milliseconds
 */
export function failuresInARow(before: number, ranFor: number): number {
  return ranFor >= HEALTHY_AFTER_MS ? 1 : before + 1;
}

/**
 * How long to wait before the next start: doubled from failure to failure, up to {@link RESTART_DELAY_MAX_MS}.
 *
 * @param consecutiveFailures how often in a row the unikernel ended before it was healthy, this time included; 1 or more
 * @returns milliseconds
 */
export function nextDelay(consecutiveFailures: number): number {
  // The exponent is capped before it is used: 2^1024 is not a number any more.
  const doublings = Math.min(Math.max(consecutiveFailures - 1, 0), 30);
  return Math.min(RESTART_DELAY_MAX_MS, RESTART_DELAY_MIN_MS * 2 ** doublings);
}

const endForm = /^(?:exit (-?\d{1,9})|(signal|stop) (?:SIG[A-Z0-9]+ )?\(?(?:numeric )?(-?\d{1,9})\)?)$/;

/**
 * The end that a text like `exit 2`, `signal SIGKILL (numeric -7)` or `stop SIGTTOU (numeric -19)` tells of;
 * `undefined` if it tells of none. The numbers are the original's own, and negative; only the kind decides anything.
 */
export function parseProcessEnd(text: string): ProcessEnd | undefined {
  const parts = endForm.exec(text);
  if (parts === null) return undefined;
  if (parts[2] === undefined) return { kind: "exit", code: Number(parts[1]) };
  return { kind: parts[2] === "stop" ? "stop" : "signal", signal: Number(parts[3]) };
}
