/**
 * Definition of `albatross-client resize-block`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { blockArguments, sizeArgument } from "../options/block.ts";
import { daemonOptions } from "../options/daemon.ts";

export const resizeBlock = defineCommand({
  name: "resize-block",
  summary: "change the size of a block device",
  description: [
    "Gives a block device another size, within the policies. It grows by zeros at its end; what is stored in it has to be told by other means. No unikernel may have the device.",
    "The original's albatrossd does not know this command.",
  ],
  examples: [
    { line: "resize-block data 2048", doc: "To 2 GB, if it was smaller." },
    { line: "resize-block data 64 --shrink", doc: "What lies beyond 64 MB is lost." },
  ],
  arguments: { ...blockArguments, ...sizeArgument },
  options: {
    shrink: {
      flags: ["--shrink"],
      kind: "flag",
      doc: "The size may be smaller than before: what lies beyond is lost.",
    },
    ...daemonOptions,
  },
});
