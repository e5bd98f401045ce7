/**
 * Definition of `albatross-client remove-policy`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { daemonOptions } from "../options/daemon.ts";

export const removePolicy = defineCommand({
  name: "remove-policy",
  summary: "remove the policy of a path",
  description: ["Removes the policy of exactly one path. Beware: without -p this is the policy of the root."],
  examples: [{ line: "remove-policy -p foo", doc: "Removes the policy of the path foo." }],
  arguments: {},
  options: {
    path: { flags: ["-p", "--path"], kind: "path", doc: "The path; the root unless given." },
    ...daemonOptions,
  },
});
