/**
 * What `/proc/<pid>` tells about a process (stats.md 5, proc(5)).
 *
 * Sizes are pages, as in the original. Where that gives something else than the name says, the right thing is taken:
 * the largest resident set instead of the present one, data without the stack, the stack alone.
 *
 * @module
 */
import type { ResourceUsage, TimeValue } from "../../core/statistics.ts";
import { CollectorError } from "../collector.ts";

/** Fields that `/proc/<pid>/stat` must have. */
const STAT_FIELDS = 52;

/** In `status`, label and value take fewer characters. */
const VALUE_END = 80;

/** Bytes of the unit in which the system counts block input and output. */
const BLOCK_UNIT = 512n;

/** What the system counts in. */
export interface Units {
  /** Clock ticks of `stat` per second. */
  readonly ticks: bigint;
  /** Bytes of a page. */
  readonly page: bigint;
}

/** What `stat` tells. */
export interface StatFields {
  /** Whether it has ended, and nobody has asked for its exit status yet. */
  readonly ended: boolean;
  /** When it started, clock ticks since the boot. */
  readonly start: bigint;
  readonly utime: bigint;
  readonly stime: bigint;
  readonly minflt: bigint;
  readonly majflt: bigint;
  readonly nswap: bigint;
  /** Bytes. */
  readonly vsize: bigint;
  /** Pages. */
  readonly rss: bigint;
}

/**
 * Reads `/proc/<pid>/stat`.
 *
 * @throws {CollectorError} for another format
 */
export function parseStat(text: string): StatFields {
  // Field 2 is the program's name in parentheses; it may itself contain parentheses and spaces.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  if (fields.length + 2 < STAT_FIELDS) throw unknownFormat("stat");
  // Numbered from 1, as in proc(5).
  const field = (number: number) => unsigned(fields[number - 3], "stat");
  const state = fields[0];
  // The first thread of a process is also shown as a zombie when it has ended before the others: that process lives.
  const ended = state === "X" || state === "x" || (state === "Z" && field(20) <= 1n);
  return {
    ended,
    start: field(22),
    utime: field(14),
    stime: field(15),
    minflt: field(10),
    majflt: field(12),
    nswap: field(36),
    vsize: field(23),
    rss: field(24),
  };
}

/** What `status` tells; sizes in KiB. */
export interface StatusFields {
  readonly maxrss: bigint;
  readonly text: bigint;
  readonly data: bigint;
  readonly stack: bigint;
  readonly nvcsw: bigint;
  readonly nivcsw: bigint;
}

/**
 * Reads `/proc/<pid>/status`. Sizes that it lacks are 0: threads of the kernel have no memory.
 *
 * @throws {CollectorError} for another format
 */
export function parseStatus(text: string): StatusFields {
  const after = (label: string, fallback?: bigint): bigint => {
    const at = text.indexOf(`\n${label}:`);
    if (at >= 0) return unsigned(/^\s*(\d+)/.exec(text.slice(at + label.length + 2, at + VALUE_END))?.[1], "status");
    if (fallback === undefined) throw unknownFormat("status");
    return fallback;
  };
  return {
    maxrss: after("VmHWM", 0n),
    text: after("VmExe", 0n),
    data: after("VmData", 0n),
    stack: after("VmStk", 0n),
    nvcsw: after("voluntary_ctxt_switches"),
    nivcsw: after("nonvoluntary_ctxt_switches"),
  };
}

/** What `io` tells, in units of 512 bytes as getrusage(2). */
export function parseBlocks(text: string): Pick<ResourceUsage, "inblock" | "outblock"> {
  const bytes = (label: string) => unsigned(new RegExp(`^${label}: (\\d+)$`, "m").exec(text)?.[1], "io");
  return { inblock: bytes("read_bytes") / BLOCK_UNIT, outblock: bytes("write_bytes") / BLOCK_UNIT };
}

/** A duration in clock ticks. */
export function timeOfTicks(value: bigint, ticks: bigint): TimeValue {
  return { seconds: value / ticks, microseconds: Number(((value % ticks) * 1_000_000n) / ticks) };
}

/** KiB in pages. */
export function pagesOf(kibibytes: bigint, page: bigint): bigint {
  return (kibibytes * 1024n) / page;
}

function unsigned(text: string | undefined, file: string): bigint {
  if (text === undefined || !/^\d+$/.test(text)) throw unknownFormat(file);
  return BigInt(text);
}

function unknownFormat(file: string): CollectorError {
  return new CollectorError(`Cannot measure a process: its file ${file} has an unknown format`, "failed");
}
