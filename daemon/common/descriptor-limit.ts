/**
 * How many descriptors this process may have open.
 *
 * A server that runs out of them can neither accept nor refuse, so it keeps its connections well below.
 *
 * @module
 */
import { readFileSync } from "node:fs";

/** What is assumed where the system does not tell. */
const ASSUMED = 1024;

/** The limit of open descriptors of this process. */
export function descriptorLimit(): number {
  if (process.platform !== "linux") return ASSUMED;
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
  if (soft === "unlimited") return Number.MAX_SAFE_INTEGER;
  return soft === undefined ? ASSUMED : Number(soft);
}
