/**
 * Definition of `albatross-client stats-remove`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { daemonOptions } from "../options/daemon.ts";

export const statsRemove = defineCommand({
  name: "stats-remove",
  summary: "stop gathering statistics of a process",
  description: ["Undoes stats-add."],
  examples: [{ line: "stats-remove --name=manual", doc: "Forgets the process that was added under this name." }],
  arguments: {},
  options: {
    name: { flags: ["-n", "--name"], kind: "name", fallback: ":", doc: "The name of the statistics." },
    ...daemonOptions,
  },
});
