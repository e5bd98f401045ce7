/**
 * Definition of `albatross-client info`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { daemonOptions } from "../options/daemon.ts";
import { nameOption } from "../options/name.ts";

export const info = defineCommand({
  name: "info",
  summary: "show running unikernels",
  description: [
    "Shows configuration, start time and image digest of running unikernels: of all, of those below a path, or of one.",
    "On a terminal it is a table; --plain or -v shows everything there, too. With --remote=all every recorded host is asked; the exit status is 0 if all have answered, else that of the first one by name that has not.",
    "When a path is asked for, the printed names are relative to it.",
  ],
  examples: [
    { line: "info", doc: "All unikernels." },
    { line: "info -n foo:", doc: "Those below the path foo." },
    { line: "info -n foo:hello -vv", doc: "A single one, with its arguments." },
    { line: "info --remote=all", doc: "Those of all hosts that remote add has recorded, each line with its host." },
    { line: "info --json", doc: "For scripts." },
  ],
  arguments: {},
  options: {
    ...nameOption,
    ...daemonOptions,
    remote: { ...daemonOptions.remote, completes: "all-remotes" },
  },
});
