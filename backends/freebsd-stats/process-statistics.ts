/**
 * Statistics of a process of FreeBSD (stats.md 6).
 *
 * @module
 */
import type { ProcessMemory, ResourceUsage, TimeValue } from "../../core/statistics.ts";
import { KINFO_PROC } from "../../runtime/kinfo-proc.ts";
import { CollectorError } from "../collector.ts";

/** The most microseconds of a time that are believed. */
export const MICROSECONDS_MAX = 999_999_999n;

/** @throws {CollectorError} if the microseconds cannot be right */
function timeval(view: DataView, offset: number): TimeValue {
  const microseconds = view.getBigInt64(offset + 8, true);
  if (microseconds < 0n || microseconds > MICROSECONDS_MAX) {
    throw new CollectorError(`Cannot measure a process: a time has ${microseconds} microseconds`, "failed");
  }
  return { seconds: view.getBigInt64(offset, true), microseconds: Number(microseconds) };
}

/** The members of `struct rusage` after its two times, in its order. */
const counters = [
  "maxrss",
  "ixrss",
  "idrss",
  "isrss",
  "minflt",
  "majflt",
  "nswap",
  "inblock",
  "outblock",
  "msgsnd",
  "msgrcv",
  "nsignals",
  "nvcsw",
  "nivcsw",
] as const;

/** @throws {CollectorError} if a time cannot be right */
export function resourceUsageOf(process: DataView): ResourceUsage {
  const start = KINFO_PROC.usage;
  const value = (at: number): bigint => process.getBigUint64(start + 32 + 8 * at, true);
  const values = Object.fromEntries(counters.map((name, at) => [name, value(at)]));
  return {
    ...(values as Record<(typeof counters)[number], bigint>),
    utime: timeval(process, start),
    stime: timeval(process, start + 16),
  };
}

/** @throws {CollectorError} if a time cannot be right */
export function memoryOf(process: DataView): ProcessMemory {
  return {
    vsize: process.getBigUint64(KINFO_PROC.size, true),
    rss: process.getBigUint64(KINFO_PROC.residentSize, true),
    tsize: process.getBigUint64(KINFO_PROC.textSize, true),
    dsize: process.getBigUint64(KINFO_PROC.dataSize, true),
    ssize: process.getBigUint64(KINFO_PROC.stackSize, true),
    runtime: process.getBigUint64(KINFO_PROC.runtime, true),
    cow: process.getUint32(KINFO_PROC.copyOnWrite, true),
    start: timeval(process, KINFO_PROC.start),
  };
}
