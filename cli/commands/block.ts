/**
 * Definition of `albatross-client block`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { daemonOptions } from "../options/daemon.ts";

export const block = defineCommand({
  name: "block",
  summary: "show block devices",
  description: [
    "Shows the size of block devices, and whether a unikernel has them: of all, of those below a path, or of one.",
    "When a path is asked for, the printed names are relative to it.",
  ],
  examples: [
    { line: "block", doc: "All block devices." },
    { line: "block --name=foo:", doc: "Those below the path foo." },
  ],
  arguments: {},
  options: {
    name: {
      flags: ["--name"],
      kind: "name",
      completes: "blocks",
      fallback: ":",
      doc: "The block device, or with a trailing colon a path.",
    },
    ...daemonOptions,
  },
});
