/**
 * Questions on the terminal.
 *
 * @module
 */
import { readSync } from "node:fs";
import { writeText } from "./output.ts";
import { UsageError } from "./usage-error.ts";

/** The longest answer, bytes. */
export const ANSWER_MAX = 1024;

/** Asks for a text; an empty answer means `usual`. @throws {UsageError} at the end of the input */
export function askText(question: string, usual: string): string {
  writeText(1, `${question} [${usual}] `);
  return readLine() || usual;
}

/** Asks for yes or no; asks again until it gets one of them. @throws {UsageError} at the end of the input */
export function askYes(question: string, usual: boolean): boolean {
  for (;;) {
    writeText(1, `${question} [${usual ? "Y/n" : "y/N"}] `);
    const answer = readLine().toLowerCase();
    if (answer === "") return usual;
    if (answer === "y" || answer === "yes") return true;
    if (answer === "n" || answer === "no") return false;
  }
}

function readLine(): string {
  const bytes: number[] = [];
  const one = new Uint8Array(1);
  while (readSync(0, one, 0, 1, null) === 1) {
    if (one[0] === 0x0a) return new TextDecoder().decode(Uint8Array.from(bytes)).trim();
    if (bytes.length >= ANSWER_MAX) throw new UsageError(`An answer has at most ${ANSWER_MAX} bytes`);
    bytes.push(one[0] ?? 0);
  }
  throw new UsageError("The input ended before all questions were answered; nothing was changed");
}
