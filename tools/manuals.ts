/**
 * The manuals of all programs, from the definitions that their command lines are parsed by.
 *
 * @module
 */
import { commandManual, type Manual, type Paragraph, programManual } from "../cli/help/manual.ts";
import { registry } from "../cli/registry.ts";
import { VERSION } from "../core/version.ts";
import type { Flag } from "../daemon/common/flags.ts";
import { generalFlags } from "../daemon/common/run-daemon.ts";

/** What a daemon's manual is made from. */
interface Daemon {
  readonly program: string;
  readonly summary: string;
  readonly flags: Readonly<Record<string, Flag<unknown>>>;
  readonly operands?: readonly string[];
}

const client = "albatross-client";

async function daemons(): Promise<readonly Daemon[]> {
  const modules = await Promise.all([
    import("../daemon/albatrossd/main.ts"),
    import("../daemon/console/main.ts"),
    import("../daemon/stats/main.ts"),
    import("../daemon/tls-endpoint/main.ts"),
    import("../daemon/influx/main.ts"),
    import("../daemon/log/main.ts"),
  ]);
  return modules.map(({ definition }) => definition as Daemon);
}

function flagTerm({ names, placeholder }: Flag<unknown>): string {
  const value =
    placeholder === undefined ? "" : placeholder.startsWith("[") ? `[=${placeholder.slice(1)}` : `=${placeholder}`;
  return names.map((name) => (name.startsWith("--") ? name + value : name)).join(", ");
}

const explain = (flag: Flag<unknown>): Paragraph => ({ term: flagTerm(flag), text: flag.help });

const exits: readonly Paragraph[] = [
  { term: "0", text: "An orderly end." },
  { term: "124", text: "The command line is wrong." },
  { term: "125", text: "An unexpected error." },
];

function daemonManual({ program, summary, flags, operands = [] }: Daemon): Manual {
  const usage = [program, "[OPTION]…", ...operands].join(" ");
  return {
    title: program,
    summary: summary.replace(/\.$/, ""),
    version: VERSION,
    sections: [
      { heading: "SYNOPSIS", paragraphs: [{ text: usage }] },
      { heading: "DESCRIPTION", paragraphs: [{ text: summary }] },
      { heading: "OPTIONS", paragraphs: Object.values(flags).map(explain) },
      { heading: "COMMON OPTIONS", paragraphs: Object.values(generalFlags).map(explain) },
      { heading: "EXIT STATUS", paragraphs: exits },
      { heading: "SEE ALSO", paragraphs: [{ text: "albatross-client(1)" }] },
    ],
  };
}

/** The manuals of the client, of each of its commands, and of the daemons, in this order. */
export async function allManuals(): Promise<readonly Manual[]> {
  const definitions = await Promise.all([...registry.values()].map((entry) => entry.definition()));
  return [
    programManual(definitions, client),
    ...definitions.map((definition) => commandManual(definition, client)),
    ...(await daemons()).map(daemonManual),
  ];
}
