/**
 * Definition of `albatross-client doctor`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { commonOptions } from "../options/common.ts";
import { daemonOptions } from "../options/daemon.ts";
import { databaseDirectoryOption } from "../options/dump.ts";

export const doctor = defineCommand({
  name: "doctor",
  summary: "check what unikernels and daemons need on this host",
  description: [
    "Looks at KVM, taps, bridges and forwarding, tenders, sockets and the daemons behind them, directories and their owners, accounts, the clock, libraries, free space, the units of systemd, and at the plugins that are configured. Nothing is changed.",
    "Each finding is ok, a warning or a problem, and says what to do about it, where something is to be done. An ordinary user cannot see everything: as root more is found.",
  ],
  examples: [
    { line: "doctor", doc: "All findings." },
    { line: "doctor --json", doc: "For scripts." },
  ],
  arguments: {},
  options: { temporaryDirectory: daemonOptions.temporaryDirectory, ...databaseDirectoryOption, ...commonOptions },
  exits: [{ status: 1, doc: "there is a problem; warnings alone are none" }],
});
