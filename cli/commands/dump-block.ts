/**
 * Definition of `albatross-client dump-block`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { blockArguments, dataCompressionOption } from "../options/block.ts";
import { daemonOptions } from "../options/daemon.ts";

export const dumpBlock = defineCommand({
  name: "dump-block",
  summary: "download the content of a block device",
  description: [
    "Writes the content to a new file in the directory TMPDIR of the environment (default: /tmp), named after the block device and the time of the call, or to another place. The file appears when it is complete, and its zeros take no space. No unikernel may have the device.",
  ],
  examples: [
    { line: "dump-block data", doc: "Writes /tmp/:data.2026-11-21T21:11:34-00:00, for example." },
    { line: "dump-block data --output=-", doc: "To standard output; what is said goes to standard error." },
  ],
  arguments: blockArguments,
  options: {
    output: {
      flags: ["-o", "--output"],
      kind: "file-name",
      docv: "FILE",
      doc: "Write to FILE, which is replaced if it exists; - is standard output.",
    },
    ...dataCompressionOption,
    ...daemonOptions,
  },
});
