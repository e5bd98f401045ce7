/**
 * Emphasis in messages for people: ANSI styles where they are wanted, quotes elsewhere.
 *
 * The original styles its usage errors even when they go to a file; here that happens on a terminal only, or with
 * `--color=always` (client.md 7).
 *
 * @module
 */
import { fstatSync, statSync } from "node:fs";
import { plainStyle, type Style } from "../client/style.ts";

export { plainStyle, type Style };

/** ANSI escape sequences, as the original writes them. */
export const ansiStyle: Style = {
  quote: (text) => `\x1b[01m${text}\x1b[m`,
  bold: (text) => `\x1b[01m${text}\x1b[m`,
  underline: (text) => `\x1b[04m${text}\x1b[m`,
  wrong: (text) => `\x1b[31m${text}\x1b[m`,
};

/** Whether a descriptor is a terminal: a character device other than /dev/null. */
export function isTerminal(descriptor: number): boolean {
  try {
    const status = fstatSync(descriptor);
    return status.isCharacterDevice() && status.rdev !== statSync("/dev/null").rdev;
  } catch {
    return false; // a closed descriptor is none
  }
}

/** The values of `--color`. */
export type ColorChoice = "auto" | "always" | "never";

/**
 * Whether a descriptor gets escape sequences. The option goes before FORCE_COLOR, and that before NO_COLOR and TERM.
 *
 * A character device counts as a terminal: asking exactly would load `node:tty`, 3 ms of a start of 8, and the other
 * character device that programs write to is /dev/null.
 */
export function wantsStyle(
  descriptor: number,
  choice: ColorChoice,
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  if (choice !== "auto") return choice === "always";
  const forced = environment["FORCE_COLOR"];
  if (forced !== undefined && forced !== "") return forced !== "0" && forced !== "false";
  if (environment["NO_COLOR"]) return false;
  const terminal = environment["TERM"];
  if (terminal === undefined || terminal === "dumb" || terminal === "") return false;
  try {
    return fstatSync(descriptor).isCharacterDevice();
  } catch {
    return false; // a closed descriptor is no terminal
  }
}
