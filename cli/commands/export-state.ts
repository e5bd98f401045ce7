/**
 * Definition of `albatross-client export-state`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { commonOptions } from "../options/common.ts";
import { databaseDirectoryOption } from "../options/dump.ts";

export const exportState = defineCommand({
  name: "export-state",
  summary: "write a state file for the original Albatross",
  description: [
    "Writes all unikernels of the database of albatrossd, with their images, and all policies into a state file in the present format of the original: the way back to it, or a backup in one file. Nothing else is changed and no daemon is asked: it may run or not.",
    "The file appears whole or not at all. It can hold secrets in the arguments of unikernels, so only its owner can read it.",
  ],
  examples: [
    {
      line: "export-state",
      doc: "Writes the file state into the database directory: stop albatrossd, start the original.",
    },
    { line: "export-state --file=/srv/backup/state --force", doc: "Replaces the backup of yesterday." },
  ],
  arguments: {},
  options: {
    file: {
      flags: ["--file"],
      kind: "file-name",
      fallback: "state",
      docv: "FILE",
      doc: "The file to write; without a directory in its name it is in DIR.",
    },
    force: { flags: ["-f", "--force"], kind: "flag", doc: "Replace an existing file." },
    ...databaseDirectoryOption,
    ...commonOptions,
  },
});
