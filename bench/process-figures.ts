/**
 * What the kernel tells of a process and all its threads, for benchmarks. Linux only.
 *
 * @module
 */
import { readdirSync, readFileSync } from "node:fs";

/** Memory in MB (10^6 bytes), and counts. */
export interface Footprint {
  /** Proportional: pages that several processes have are divided among them. */
  readonly pss: number;
  /** Pages that no other process has. */
  readonly private: number;
  readonly resident: number;
  readonly threads: number;
  readonly descriptors: number;
}

/** What a process has done since its start. */
export interface Activity {
  /** Milliseconds on a processor, of all threads. */
  readonly cpu: number;
  /** How often a thread of it has gone to sleep: each time, something has woken it. */
  readonly wakeups: number;
}

export function footprintOf(pid: number): Footprint {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const megabytes = (name: string) =>
    (Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)?.[1] ?? 0) * 1024) / 1e6;
  return {
    pss: megabytes("Pss"),
    private: megabytes("Private_Clean") + megabytes("Private_Dirty"),
    resident: megabytes("Rss"),
    threads: readdirSync(`/proc/${pid}/task`).length,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
  };
}

export function activityOf(pid: number): Activity {
  let cpu = 0;
  let wakeups = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const folder = `/proc/${pid}/task/${thread}`;
    cpu += Number(readFileSync(`${folder}/schedstat`, "utf8").split(" ")[0]) / 1e6; // nanoseconds
    const status = readFileSync(`${folder}/status`, "utf8");
    wakeups += Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  }
  return { cpu, wakeups };
}
