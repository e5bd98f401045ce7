/**
 * Definition of `albatross-client remote remove`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { commonOptions } from "../options/common.ts";

export const remoteRemove = defineCommand({
  name: "remote remove",
  summary: "forget a recorded remote host",
  description: ["Removes a name that remote add has recorded. The files it names are not touched."],
  examples: [{ line: "remote remove prod", doc: "Forgets prod." }],
  arguments: { name: { docv: "NAME", kind: "remote", doc: "The name." } },
  options: commonOptions,
});
