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
  description: [
    "Removes the policy of exactly one path. Without -p this is the policy of the root, the limits of the whole host: on a terminal it is asked whether that is meant.",
  ],
  examples: [{ line: "remove-policy -p foo", doc: "Removes the policy of the path foo." }],
  arguments: {},
  options: {
    path: { flags: ["-p", "--path"], kind: "path", doc: "The path; the root unless given." },
    yes: { flags: ["-y", "--yes"], kind: "flag", doc: "Ask nothing." },
    ...daemonOptions,
  },
});
