/**
 * Definition of `albatross-client remote list`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { commonOptions } from "../options/common.ts";

export const remoteList = defineCommand({
  name: "remote list",
  summary: "list the recorded remote hosts",
  description: ["Lists what remote add has recorded: names, endpoints, and the files and checks for them."],
  examples: [{ line: "remote list", doc: "One per line." }],
  arguments: {},
  options: commonOptions,
});
