/**
 * What a table of processes is, on every operating system.
 *
 * @module
 */

/** What is asked of an operating system about its processes; one implementation for each. */
export interface ProcessTable {
  /** Identifies the present boot of the host. */
  bootId(): string;
  /**
   * When a process started, in a unit of the system's own since the boot.
   *
   * @param zombies whether one that has ended, but has not been reaped, counts
   * @returns `undefined` if there is none
   * @throws if the system cannot be asked
   */
  startTimeOf(pid: number, zombies: boolean): number | undefined;
  /**
   * The words of a process's command line, or the variables it was started with, each ended by a zero byte.
   *
   * @returns `undefined` if there is no such process
   * @throws if this program may not look into it, see `mayNotLook`
   */
  strings(pid: number, kind: "cmdline" | "environ"): Buffer | undefined;
  /** The ids of all processes. */
  pids(): readonly number[];
  /** Effective user of a process. @returns `undefined` if there is none */
  uidOf(pid: number): number | undefined;
}
