/**
 * Counting this program's promises, to find those that something still waits for. Bun only.
 *
 * @module
 */
import { heapStats } from "bun:jsc";

/** How many promises are alive. */
export function livePromises(): number {
  Bun.gc(true);
  return heapStats().objectTypeCounts["Promise"] ?? 0;
}
