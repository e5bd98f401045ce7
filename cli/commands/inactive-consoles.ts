/**
 * Definition of `albatross-client inactive-consoles`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { daemonOptions } from "../options/daemon.ts";

export const inactiveConsoles = defineCommand({
  name: "inactive-consoles",
  summary: "list consoles of ended unikernels",
  description: ["Lists the unikernels that do not run any more and whose console lines are still kept."],
  examples: [{ line: "inactive-consoles -p foo", doc: "Those at and below the path foo." }],
  arguments: {},
  options: {
    path: { flags: ["-p", "--path"], kind: "path", doc: "The path; the root unless given." },
    ...daemonOptions,
  },
});
