/**
 * Definition of `albatross-client policy`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { daemonOptions } from "../options/daemon.ts";

export const policy = defineCommand({
  name: "policy",
  summary: "show policies",
  description: [
    "Shows the resource policies at and below a path. When a path is asked for, the printed names are relative to it.",
  ],
  examples: [
    { line: "policy", doc: "All policies; the one of the root is what the host has." },
    { line: "policy -p foo:bar", doc: "Those at and below the path foo:bar." },
  ],
  arguments: {},
  options: {
    path: { flags: ["-p", "--path"], kind: "path", doc: "The path; the root unless given." },
    ...daemonOptions,
  },
});
