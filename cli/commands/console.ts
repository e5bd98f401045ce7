/**
 * Definition of `albatross-client console`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { daemonOptions } from "../options/daemon.ts";
import { unikernelArgument } from "../options/name.ts";

export const consoleCommand = defineCommand({
  name: "console",
  summary: "show the console of a unikernel",
  description: [
    "Shows past console lines, then new ones as they come, until it is interrupted. A unikernel that does not run yet is waited for.",
    "Bytes that are no printable ASCII are shown as a backslash and three decimal digits.",
  ],
  examples: [
    { line: "console hello", doc: "The last 20 lines and everything new." },
    { line: "console hello --count=0", doc: "New lines only." },
    { line: "console hello --since=2026-03-12T23:42:15Z", doc: "All lines since then." },
    { line: "console hello --json", doc: "One JSON object per line." },
  ],
  arguments: unikernelArgument,
  options: {
    since: {
      flags: ["--since"],
      kind: "timestamp",
      docv: "TIME",
      doc: "Past lines from this time on: RFC 3339 with an offset, or a date. Wins over --count.",
    },
    count: {
      flags: ["--count"],
      kind: "integer",
      fallback: "20",
      docv: "N",
      doc: "How many past lines; a negative number (as --count=-1) means all there are.",
    },
    ...daemonOptions,
  },
});
