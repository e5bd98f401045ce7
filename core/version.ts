/**
 * The version of this program, the same as in `package.json` (the project's check compares them), and the build.
 *
 * @module
 */
import { PROTOCOL_VERSION } from "./wire/message.ts";

/** Semantic version. */
export const VERSION = "0.1.0";

/** Set by `tools/build.ts`. */
declare const ALBATROSS_BUILD: string | undefined;

/** The SHA-256 of the sources that an executable was made of; `undefined` where they run themselves. */
export const BUILD: string | undefined = typeof ALBATROSS_BUILD === "string" ? ALBATROSS_BUILD : undefined;

/**
 * What `--version` prints. The first line is the original's, which scripts read.
 *
 * @param verbose also the build, on a line of its own
 */
export function versionText(verbose: boolean): string {
  const build = verbose ? `build ${BUILD ?? "from sources"}\n` : "";
  return `version ${VERSION} protocol version ${PROTOCOL_VERSION}\n${build}`;
}

/** Whether a command line asks for more than the version: by `-v`, `-vv` or `--verbose`. */
export function asksForBuild(words: readonly string[]): boolean {
  return words.some((word) => /^-v+$|^--verbose$/.test(word));
}
