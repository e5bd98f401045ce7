/**
 * Runs the system's own programs for accounts and units.
 *
 * @module
 */
import { spawnSync } from "node:child_process";

/** How long such a program may take, milliseconds. */
const PATIENCE_MS = 60_000;

/** @throws an error with what the program said */
export function runProgram(program: string, words: readonly string[]): void {
  const done = spawnSync(program, words, { encoding: "utf8", timeout: PATIENCE_MS, stdio: ["ignore", "pipe", "pipe"] });
  if (done.status === 0) return;
  const said =
    `${done.stdout ?? ""}${done.stderr ?? ""}`.trim() || done.error?.message || `it ended with ${done.status}`;
  throw new Error(`${program} ${words.join(" ")}: ${said}`);
}
