/**
 * Definition of `albatross-client replace-policy`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { policyArguments, policyOptions } from "../options/policy.ts";

export const replacePolicy = defineCommand({
  name: "replace-policy",
  summary: "set the policy of a path (the same as add-policy)",
  description: ["The same as add-policy, under the name that tells what it does to an existing policy."],
  examples: [{ line: "replace-policy foo 8 --mem=512 --cpu=0 --bridge=br0", doc: "A larger policy for the path foo." }],
  arguments: policyArguments,
  options: policyOptions,
});
