/**
 * Definition of `albatross-client extract-dump`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { dumpOptions } from "../options/dump.ts";
import { unikernelArgument } from "../options/name.ts";

export const extractDump = defineCommand({
  name: "extract-dump",
  summary: "write the stored image of a unikernel to a file",
  description: [
    "Takes the image from the database directory of albatrossd, or out of a state file of the original, and shows the stored configuration. Nothing is changed and no daemon is asked.",
    "The image goes to a new file in the directory TMPDIR of the environment (default: /tmp), named after the unikernel and the time of the call.",
  ],
  examples: [{ line: "extract-dump foo:hello", doc: "Writes /tmp/foo:hello.2026-11-21T21:11:34-00:00, for example." }],
  arguments: unikernelArgument,
  options: dumpOptions,
});
