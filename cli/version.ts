/**
 * The output of `--version`.
 *
 * @module
 */
import { asksForBuild, versionText } from "../core/version.ts";
import { writeText } from "./output.ts";

/** Prints the version in the original's form; with `-v` among the words of the command line, the build, too. */
export function showVersion(line: readonly string[]): void {
  writeText(1, versionText(asksForBuild(line)));
}
