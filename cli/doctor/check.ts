/**
 * What `doctor` finds out: one thing about the host, and what to do about it.
 *
 * @module
 */

/** `warning`: it works, but not everything, or not for long. `problem`: something does not work. */
export type CheckStatus = "ok" | "warning" | "problem";

/** A finding. */
export interface Check {
  /** A stable name for scripts, e.g. `kvm` or `socket-vmmd`. */
  readonly id: string;
  readonly status: CheckStatus;
  /** What was found, a sentence without full stop. */
  readonly found: string;
  /** What to do, with the command; nothing for `ok`. */
  readonly advice: string | undefined;
}

/** What is looked at. */
export interface Place {
  /** `T`, the directory of running daemons. */
  readonly temporaryDirectory: string;
  /** `D`, the database directory. */
  readonly databaseDirectory: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The user and the group of the daemons (packaging.md 3). */
export const ACCOUNT = "albatross";

/** Something that is as it should be. */
export function ok(id: string, found: string): Check {
  return { id, status: "ok", found, advice: undefined };
}

/** Something that does not work completely, or not for long. */
export function warning(id: string, found: string, advice: string): Check {
  return { id, status: "warning", found, advice };
}

/** Something that does not work. */
export function problem(id: string, found: string, advice: string): Check {
  return { id, status: "problem", found, advice };
}

/** The system's name of an error, e.g. `EACCES`. */
export function codeOf(error: unknown): string {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : error instanceof Error ? error.message : String(error);
}

/** Advice where this user may not look: what is found as root may be different. */
export const AS_ROOT = "Look again as root: sudo albatross-client doctor";
