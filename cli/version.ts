/**
 * The output of `--version`.
 *
 * @module
 */
import { VERSION } from "../core/version.ts";
import { PROTOCOL_VERSION } from "../core/wire/message.ts";
import { writeText } from "./output.ts";

/** Prints the version in the original's form. */
export function showVersion(): void {
  writeText(1, `version ${VERSION} protocol version ${PROTOCOL_VERSION}\n`);
}
