/**
 * Ending the process of a unikernel.
 *
 * @module
 */
import { constants } from "node:os";
import type { ExitStatus } from "../../runtime/process.ts";
import { endsWithin, type ProcessHandle } from "./process-handle.ts";

/** Milliseconds between SIGTERM and SIGKILL. */
export const STOP_TIMEOUT_MS = 5_000;

/** The same for a machine with an operating system, which shuts down when it is told to. */
export const MACHINE_STOP_TIMEOUT_MS = 60_000;

/** Milliseconds to wait for the end of a process after SIGKILL: the kernel may be busy freeing its memory. */
export const KILL_TIMEOUT_MS = 3_000;

/**
 * Ends a process: SIGTERM, and SIGKILL after a while.
 *
 * @param isMachine whether it runs a machine with an operating system
 * @param ignored told that it has ignored SIGTERM for so many milliseconds
 * @returns how it ended; `undefined` if it has not, within {@link KILL_TIMEOUT_MS} of SIGKILL
 */
export async function endProcess(
  process: ProcessHandle,
  isMachine: boolean,
  ignored: (milliseconds: number) => void,
): Promise<ExitStatus | undefined> {
  const timeout = isMachine ? MACHINE_STOP_TIMEOUT_MS : STOP_TIMEOUT_MS;
  process.signal(constants.signals.SIGTERM);
  if (!(await endsWithin(process, timeout))) {
    ignored(timeout);
    process.signal(constants.signals.SIGKILL);
    if (!(await endsWithin(process, KILL_TIMEOUT_MS))) return undefined;
  }
  return await process.exited;
}

/** What an {@link ExitStatus} is called in logs and replies. */
export function describeStatus(status: ExitStatus): string {
  if (status.kind === "exit") return `exit ${status.code}`;
  if (status.kind === "unknown") return "an unknown status";
  const name = Object.entries(constants.signals).find(([, number]) => number === status.signal)?.[0];
  return `signal ${name ?? status.signal}`;
}
