/**
 * Definition of `albatross-client destroy-block`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { blockArguments } from "../options/block.ts";
import { daemonOptions } from "../options/daemon.ts";

export const destroyBlock = defineCommand({
  name: "destroy-block",
  summary: "remove a block device",
  description: ["Removes the block device and its content. No unikernel may have it."],
  examples: [{ line: "destroy-block foo:data", doc: "Removes the device data of the path foo." }],
  arguments: blockArguments,
  options: daemonOptions,
});
