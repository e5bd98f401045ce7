/**
 * Counting this program's open descriptors, to find leaks.
 *
 * @module
 */
import { readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** How many samples must agree. */
const SAMPLES = 3;

/**
 * How many descriptors are open, once the runtime has closed those that it closes late and on other threads, e.g. the
 * pipes of children that have ended.
 */
export async function openDescriptors(): Promise<number> {
  const samples: number[] = [];
  while (samples.length < SAMPLES || new Set(samples.slice(-SAMPLES)).size > 1) {
    await sleep(20);
    samples.push(readdirSync("/proc/self/fd").length);
  }
  return samples.at(-1) ?? 0;
}
