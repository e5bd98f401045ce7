/**
 * Options of every sub-command: what is printed, and how (client.md 2).
 *
 * @module
 */
import type { Options } from "../command.ts";

/** Output and logging. */
export const commonOptions = {
  json: {
    flags: ["--json"],
    kind: "flag",
    doc: "Print one JSON object (console and stats: one per line) instead of text. Warnings go to standard error then.",
    section: "OUTPUT OPTIONS",
  },
  plain: {
    flags: ["--plain"],
    kind: "flag",
    doc: "Print on a terminal what is printed elsewhere: the text of the original, and no tables.",
    section: "OUTPUT OPTIONS",
  },
  verbose: {
    flags: ["-v", "--verbose"],
    kind: "count",
    doc: "Print more: how unikernels are doing, where the daemon tells it, and the whole text instead of a table. Twice shows their arguments, too.",
    section: "LOGGING OPTIONS",
  },
  quiet: {
    flags: ["-q", "--quiet"],
    kind: "flag",
    doc: "Print nothing, not even replies; only the exit status remains. Wins over -v and --verbosity.",
    section: "LOGGING OPTIONS",
  },
  verbosity: {
    flags: ["--verbosity"],
    kind: "verbosity",
    docv: "LEVEL",
    doc: "What is printed: quiet, error, warning (the default), info or debug. Wins over -v.",
    section: "LOGGING OPTIONS",
  },
  color: {
    flags: ["--color"],
    kind: "color",
    fallback: "auto",
    docv: "WHEN",
    doc: "Colours: auto, always or never. With auto only on a terminal whose TERM is not dumb, and not if NO_COLOR is set; or if FORCE_COLOR is set.",
    section: "LOGGING OPTIONS",
  },
} as const satisfies Options;
