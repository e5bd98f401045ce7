/**
 * Which process it is: a process id alone names another process once the first one has ended.
 *
 * @module
 */
import { readFileSync } from "node:fs";

/** A process, told apart from every other one of this host, before and after it. Safe to store. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, clock ticks since the host's boot (`/proc/<pid>/stat`, field 22). */
  readonly startTime: number;
  /** The boot of the host in which it ran (`/proc/sys/kernel/random/boot_id`). */
  readonly bootId: string;
}

let currentBoot: string | undefined;

/** Identifies the present boot of the host. */
export function bootId(): string {
  currentBoot ??= readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  return currentBoot;
}

/** Errors by which `/proc` says that a process does not exist (any more). */
export function isGone(error: unknown): boolean {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return code === "ENOENT" || code === "ESRCH";
}

/** Start time of a process in clock ticks; `undefined` if there is none. */
function startTimeOf(pid: number, zombies: boolean): number | undefined {
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
  // Field 2 is the program's name in parentheses; it may itself contain parentheses and spaces.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, threads, startTime] = [fields[0], Number(fields[17]), Number(fields[19])];
  // The first thread of a process is also shown as a zombie when it has ended before the others: that process lives.
  if (!zombies && (state === "X" || state === "x" || (state === "Z" && threads <= 1))) return undefined;
  if (!Number.isSafeInteger(startTime)) {
    throw new Error(
      `Cannot identify process ${pid}: /proc/${pid}/stat has an unknown format. Use a Linux kernel's /proc`,
    );
  }
  return startTime;
}

/**
 * Identifies a running process.
 *
 * @returns `undefined` if there is none; a zombie counts as none
 * @throws if `/proc` cannot be read
 */
export function identify(pid: number): ProcessIdentity | undefined {
  const startTime = startTimeOf(pid, false);
  return startTime === undefined ? undefined : { pid, startTime, bootId: bootId() };
}

/**
 * Whether exactly this process still runs. A zombie counts as dead.
 *
 * @throws if `/proc` cannot be read
 */
export function isAlive(identity: ProcessIdentity): boolean {
  return identity.bootId === bootId() && startTimeOf(identity.pid, false) === identity.startTime;
}

/**
 * Whether exactly this process still runs, or has ended without having been reaped.
 *
 * @throws if `/proc` cannot be read
 */
export function isAliveOrZombie(identity: ProcessIdentity): boolean {
  return identity.bootId === bootId() && startTimeOf(identity.pid, true) === identity.startTime;
}
