/**
 * The processes of Linux: `/proc`.
 *
 * @module
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import type { ProcessTable } from "./process-table-types.ts";

/** Errors by which `/proc` says that a process does not exist (any more). */
export function isGone(error: unknown): boolean {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return code === "ENOENT" || code === "ESRCH";
}

function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** Times are in clock ticks (`/proc/<pid>/stat`, field 22), the boot is `/proc/sys/kernel/random/boot_id`. */
export class LinuxProcessTable implements ProcessTable {
  #boot: string | undefined;

  bootId(): string {
    this.#boot ??= readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
    return this.#boot;
  }

  startTimeOf(pid: number, zombies: boolean): number | undefined {
    const stat = unlessGone(() => readFileSync(`/proc/${pid}/stat`, "latin1"));
    if (stat === undefined) return undefined;
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

  strings(pid: number, kind: "cmdline" | "environ"): Buffer | undefined {
    return unlessGone(() => readFileSync(`/proc/${pid}/${kind}`));
  }

  pids(): readonly number[] {
    return readdirSync("/proc").map(Number).filter(Number.isInteger);
  }

  uidOf(pid: number): number | undefined {
    return unlessGone(() => statSync(`/proc/${pid}`).uid);
  }
}
