/**
 * Definition of `albatross-client info`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { daemonOptions } from "../options/daemon.ts";

export const info = defineCommand({
  name: "info",
  summary: "show running unikernels",
  description: [
    "Shows configuration, start time and image digest of running unikernels: of all, of those below a path, or of one.",
    "When a path is asked for, the printed names are relative to it.",
  ],
  examples: [
    { line: "info", doc: "All unikernels." },
    { line: "info -n foo:", doc: "Those below the path foo." },
    { line: "info -n foo:hello -vv", doc: "A single one, with its arguments." },
    { line: "info --json", doc: "For scripts." },
  ],
  arguments: {},
  options: {
    name: {
      flags: ["-n", "--name"],
      kind: "name",
      fallback: ":",
      doc: "The unikernel, or with a trailing colon a path.",
    },
    ...daemonOptions,
  },
});
