/**
 * Definition of `albatross-client destroy`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { daemonOptions } from "../options/daemon.ts";
import { unikernelArgument } from "../options/name.ts";

export const destroy = defineCommand({
  name: "destroy",
  summary: "end a unikernel",
  description: ["Ends the unikernel and removes it, or its pending restart, from the daemon. Block devices stay."],
  examples: [{ line: "destroy foo:hello", doc: "Ends the unikernel hello below the path foo." }],
  arguments: unikernelArgument,
  options: daemonOptions,
});
