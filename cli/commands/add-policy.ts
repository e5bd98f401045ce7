/**
 * Definition of `albatross-client add-policy`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { policyArguments, policyOptions } from "../options/policy.ts";

export const addPolicy = defineCommand({
  name: "add-policy",
  summary: "set the policy of a path",
  description: [
    "Sets what unikernels below a path may use together. It must fit into the policies above it, and what runs there and the policies below must fit into it. An existing policy of the path is replaced.",
  ],
  examples: [
    {
      line: "add-policy foo 4 --mem=256 --cpu=0 --cpu=1 --block=1000 --bridge=br0",
      doc: "Up to 4 unikernels with 256 MB of memory and 1000 MB of block devices in all, on CPUs 0 and 1 and the bridge br0.",
    },
  ],
  arguments: policyArguments,
  options: policyOptions,
});
