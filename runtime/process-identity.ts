/**
 * Which process it is: a process id alone names another process once the first one has ended.
 *
 * @module
 */
import { processTable } from "./process-table.ts";

/** A process, told apart from every other one of this host, before and after it. Safe to store. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, since the host's boot: clock ticks on Linux, microseconds on FreeBSD. */
  readonly startTime: number;
  /** The boot of the host in which it ran. */
  readonly bootId: string;
}

/** Identifies the present boot of the host. */
export function bootId(): string {
  return processTable.bootId();
}

function startTimeOf(pid: number, zombies: boolean): number | undefined {
  return Number.isSafeInteger(pid) && pid > 0 && pid < 2 ** 31 ? processTable.startTimeOf(pid, zombies) : undefined;
}

/**
 * Identifies a running process.
 *
 * @returns `undefined` if there is none; a zombie counts as none
 * @throws if the system cannot be asked
 */
export function identify(pid: number): ProcessIdentity | undefined {
  const startTime = startTimeOf(pid, false);
  return startTime === undefined ? undefined : { pid, startTime, bootId: bootId() };
}

/**
 * Whether exactly this process still runs. A zombie counts as dead.
 *
 * @throws if the system cannot be asked
 */
export function isAlive(identity: ProcessIdentity): boolean {
  return identity.bootId === bootId() && startTimeOf(identity.pid, false) === identity.startTime;
}

/**
 * Whether exactly this process still runs, or has ended without having been reaped.
 *
 * @throws if the system cannot be asked
 */
export function isAliveOrZombie(identity: ProcessIdentity): boolean {
  return identity.bootId === bootId() && startTimeOf(identity.pid, true) === identity.startTime;
}
