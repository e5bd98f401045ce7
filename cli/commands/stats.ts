/**
 * Definition of `albatross-client stats`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { daemonOptions } from "../options/daemon.ts";
import { nameOption } from "../options/name.ts";

export const stats = defineCommand({
  name: "stats",
  summary: "show statistics of unikernels",
  description: [
    "Shows processor time, memory, and network traffic of running unikernels at the interval of albatross-stats, until it is interrupted: of all, of those below a path, or of one. Traffic is seen from the host: input is what comes from the unikernel.",
    "Where samples can be of several unikernels, the name of each is on standard error in front of it.",
  ],
  examples: [
    { line: "stats -n foo:hello", doc: "A single unikernel." },
    { line: "stats -n foo:", doc: "All below the path foo." },
    { line: "stats --json", doc: "All, one JSON object per sample." },
  ],
  arguments: {},
  options: {
    ...nameOption,
    ...daemonOptions,
  },
});
