/**
 * Definition of `albatross-client inspect-dump`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { dumpOptions } from "../options/dump.ts";

export const inspectDump = defineCommand({
  name: "inspect-dump",
  summary: "show what a daemon has stored on the disk",
  description: [
    "Shows the unikernels and policies in the database of albatrossd, or in a state file of the original. Nothing is changed and no daemon is asked: it may run or not.",
  ],
  examples: [
    { line: "inspect-dump", doc: "What albatrossd of this host has stored." },
    { line: "inspect-dump --file=/srv/backup/state.bak", doc: "An older state file of the original." },
  ],
  arguments: {},
  options: dumpOptions,
});
