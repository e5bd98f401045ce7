/**
 * What watching a process is, on every operating system.
 *
 * @module
 */
import type { ExitStatus } from "./process.ts";
import type { ProcessIdentity } from "./process-identity.ts";

/** How often is looked for ended processes, milliseconds: the end of one is reported at most this late. */
export const WATCH_INTERVAL = 100;

/** A process that is being watched. */
export interface ProcessWatch {
  readonly identity: ProcessIdentity;
  /**
   * Resolves when the process has ended, at most {@link WATCH_INTERVAL} later; never rejects, and stays pending after
   * `close`. The status is `unknown` unless it could be reaped, or the system tells it: FreeBSD does.
   */
  readonly exited: Promise<ExitStatus>;
  /**
   * Sends a signal to exactly this process.
   *
   * @returns `false` if it has ended, or is no longer watched
   * @throws {SystemError} if it is not permitted
   */
  signal(signal: number): boolean;
  /** Looks whether it has ended now, instead of at the next interval. */
  look(): void;
  /** Stops watching; harmless when repeated or after the end. */
  close(): void;
}

/** How to watch. */
export interface WatchOptions {
  /**
   * Take the exit status of a child that is unknown to the runtime: one started before this program replaced itself by
   * `execve`. Must not be set for a child that the runtime started.
   */
  readonly reap?: boolean;
}
