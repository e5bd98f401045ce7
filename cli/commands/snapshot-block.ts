/**
 * Definition of `albatross-client snapshot-block`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { copyArguments } from "../options/block.ts";
import { daemonOptions } from "../options/daemon.ts";

export const snapshotBlock = defineCommand({
  name: "snapshot-block",
  summary: "keep the present content of a block device in a new one",
  description: [
    "Makes a new block device with the content that the other one has now. A unikernel may have the other one and go on: the snapshot is what a disk would hold if power failed at that instant. That needs a file system that can share content between files (btrfs, XFS); on others the device must be free, and its data is copied.",
    "The new device counts fully in the policies. The original's albatrossd does not know this command.",
  ],
  examples: [
    { line: "snapshot-block data data-monday", doc: "While the unikernel runs." },
    { line: "snapshot-block foo:data data-monday", doc: "Makes foo:data-monday." },
  ],
  arguments: copyArguments,
  options: daemonOptions,
});
