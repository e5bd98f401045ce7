/**
 * Definition of `albatross-client set-block`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { blockArguments, dataCompressionOption } from "../options/block.ts";
import { daemonOptions } from "../options/daemon.ts";

export const setBlock = defineCommand({
  name: "set-block",
  summary: "replace the content of a block device",
  description: [
    "Replaces the whole content by that of a file, followed by zeros up to the size of the device. The former content stays until all of the new one has arrived. No unikernel may have the device.",
    "With --csr a request for this command is written; the data is not in it, but is given to the sub-command certificate by its option --data.",
  ],
  examples: [
    { line: "set-block data disk.img", doc: "Shows its progress on a terminal." },
    { line: "set-block data -", doc: "From standard input." },
  ],
  arguments: {
    ...blockArguments,
    file: { docv: "FILE", kind: "input", doc: "The content; - is standard input." },
  },
  options: { ...dataCompressionOption, ...daemonOptions },
});
