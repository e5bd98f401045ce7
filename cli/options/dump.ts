/**
 * Options of the sub-commands that read what a daemon has stored (client.md 13).
 *
 * @module
 */
import type { Options } from "../command.ts";
import { commonOptions } from "./common.ts";

/** Where albatrossd keeps everything. */
export const databaseDirectoryOption = {
  databaseDirectory: {
    flags: ["--dbdir"],
    kind: "directory",
    docv: "DIR",
    doc: "The database directory. Default: /var/lib/albatross on Linux, /var/db/albatross elsewhere.",
    section: "DIRECTORY OPTIONS",
  },
} as const satisfies Options;

/** Which stored state is read. */
export const dumpOptions = {
  file: {
    flags: ["--file"],
    kind: "file-name",
    docv: "FILE",
    doc: "The state file of the original, of any version, or the database; without a directory in its name it is in DIR. Default: the database albatross.sqlite if there is one, else the file state.",
  },
  ...databaseDirectoryOption,
  ...commonOptions,
} as const satisfies Options;
