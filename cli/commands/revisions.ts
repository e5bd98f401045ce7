/**
 * Definition of `albatross-client revisions`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { daemonOptions } from "../options/daemon.ts";
import { unikernelArgument } from "../options/name.ts";

export const revisions = defineCommand({
  name: "revisions",
  summary: "show what a unikernel was before",
  description: [
    "Shows the last revisions of a unikernel, the newest first: number, time, the command that made it, memory, size and digest of the image. Each create, restart --replace-arguments and rollback makes one; rollback returns to one.",
    "The daemon keeps 10 revisions of each unikernel, and former images of 256 MB together. They are kept when it ends by itself, and forgotten when it is destroyed.",
    "The original Albatross knows nothing of revisions, and closes the connection.",
  ],
  examples: [
    { line: "revisions hello", doc: "All that are kept." },
    { line: "revisions hello --json", doc: "With complete configurations." },
  ],
  arguments: unikernelArgument,
  options: {
    count: { flags: ["--count"], kind: "natural", fallback: "10", docv: "N", doc: "At most so many." },
    ...daemonOptions,
  },
});
