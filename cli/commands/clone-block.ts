/**
 * Definition of `albatross-client clone-block`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { copyArguments } from "../options/block.ts";
import { daemonOptions } from "../options/daemon.ts";

export const cloneBlock = defineCommand({
  name: "clone-block",
  summary: "copy a block device that is not in use",
  description: [
    "Makes a new block device with the same content, e.g. from a template for many unikernels. Where the file system can share content between files (btrfs, XFS), it takes no time, and space only for what is changed later; on others the data is copied, but not the zeros. No unikernel may have the other device.",
    "The new device counts fully in the policies. The original's albatrossd does not know this command.",
  ],
  examples: [{ line: "clone-block template www", doc: "A device www like template." }],
  arguments: copyArguments,
  options: daemonOptions,
});
