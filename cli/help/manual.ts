/**
 * The manual of the program and of a sub-command: its content, apart from how it is shown.
 *
 * Made from the definitions alone, so that help, manual pages and the parser cannot disagree.
 *
 * @module
 */
import { VERSION } from "../../core/version.ts";
import type { CommandDefinition, OptionDefinition } from "../command.ts";
import { standardOptions } from "../parse.ts";

/** A manual page. */
export interface Manual {
  /** `albatross-client-info`. */
  readonly title: string;
  readonly summary: string;
  readonly sections: readonly Section[];
  readonly version: string;
}

/** A part of a manual page with its heading, e.g. `OPTIONS`. */
export interface Section {
  readonly heading: string;
  readonly paragraphs: readonly Paragraph[];
}

/** Running text, or a term with its explanation. */
export type Paragraph = { readonly text: string } | { readonly term: string; readonly text: string };

const sectionOrder = [
  "OPTIONS",
  "NETWORKING OPTIONS",
  "CRYPTOGRAPHIC KEY OPTIONS",
  "DIRECTORY OPTIONS",
  "OUTPUT OPTIONS",
  "LOGGING OPTIONS",
  "COMMON OPTIONS",
];

const exits: readonly (readonly [number, string])[] = [
  [0, "success"],
  [117, "the daemon refused the command"],
  [121, "the communication failed, or ended without a reply"],
  [122, "the daemon could not be reached"],
  [124, "the command line is wrong, or a local check or file operation failed"],
  [125, "an error in this program"],
  [130, "interrupted"],
];

/** Exit statuses of commands with `--destination`. */
const remoteExits: readonly (readonly [number, string])[] = [
  [116, "with --destination: our certificates do not lead to the authority in --server-ca"],
  [119, "with --destination: the server refused our certificate"],
  [120, "with --destination: the server's certificate, name or key is not the wanted one"],
];

/** The manual of a sub-command. */
export function commandManual(definition: CommandDefinition, programName: string): Manual {
  const options = [...Object.values(definition.options), ...Object.values(standardOptions)];
  const bySection = new Map<string, OptionDefinition[]>();
  for (const option of options) {
    const heading = option.section ?? "OPTIONS";
    bySection.set(heading, [...(bySection.get(heading) ?? []), option]);
  }
  const values = Object.values(definition.arguments);
  const usage = [
    `${programName} ${definition.name}`,
    "[OPTION]…",
    ...values.map(({ docv, optional }) => (optional ? `[${docv}]` : docv)),
  ].join(" ");
  const remote = definition.options["destination"] === undefined ? [] : remoteExits;
  const statuses = [...exits, ...remote, ...(definition.exits ?? []).map(({ status, doc }) => [status, doc] as const)];
  return {
    title: `${programName}-${definition.name.replaceAll(" ", "-")}`,
    summary: definition.summary,
    version: VERSION,
    sections: [
      {
        heading: "EXAMPLES",
        paragraphs: definition.examples.map(({ line, doc }) => ({ term: `${programName} ${line}`, text: doc })),
      },
      { heading: "SYNOPSIS", paragraphs: [{ text: usage }] },
      { heading: "DESCRIPTION", paragraphs: definition.description.map((text) => ({ text })) },
      { heading: "ARGUMENTS", paragraphs: values.map(({ docv, doc }) => ({ term: docv, text: doc })) },
      ...[...bySection]
        .sort(([a], [b]) => sectionOrder.indexOf(a) - sectionOrder.indexOf(b))
        .map(([heading, list]) => ({
          heading,
          paragraphs: list.map((option) => ({ term: optionTerm(option), text: optionText(option) })),
        })),
      {
        heading: "EXIT STATUS",
        paragraphs: statuses
          .sort(([a], [b]) => a - b)
          .map(([status, doc]) => ({ term: String(status), text: `${doc}.` })),
      },
    ].filter((section) => section.paragraphs.length > 0),
  };
}

/** The manual of the program: its sub-commands. */
export function programManual(commands: readonly CommandDefinition[], programName: string): Manual {
  return {
    title: programName,
    summary: "command unikernels, policies and consoles of an Albatross host",
    version: VERSION,
    sections: [
      {
        heading: "EXAMPLES",
        paragraphs: [
          { term: `${programName} inspect hello.hvt`, text: "What an image is, and what it needs." },
          { term: `${programName} create hello hello.hvt --net=service:br0`, text: "Starts it." },
          { term: `${programName} console hello`, text: "Shows its console." },
          { term: `${programName} info`, text: "Shows what runs." },
        ],
      },
      ...groupSections(commands, programName),
      { heading: "MORE", paragraphs: [{ text: `${programName} COMMAND --help tells more about a command.` }] },
    ],
  };
}

/** The manual of a group of sub-commands, such as `remote`. */
export function groupManual(group: string, commands: readonly CommandDefinition[], programName: string): Manual {
  const examples = commands.flatMap((command) => command.examples.slice(0, 1));
  return {
    title: `${programName}-${group}`,
    summary: `the commands of ${group}`,
    version: VERSION,
    sections: [
      {
        heading: "EXAMPLES",
        paragraphs: examples.map(({ line, doc }) => ({ term: `${programName} ${line}`, text: doc })),
      },
      ...groupSections(commands, `${programName} ${group}`),
    ],
  };
}

function groupSections(commands: readonly CommandDefinition[], program: string): readonly Section[] {
  return [
    { heading: "SYNOPSIS", paragraphs: [{ text: `${program} COMMAND …` }] },
    { heading: "COMMANDS", paragraphs: commands.map(({ name, summary }) => ({ term: name, text: `${summary}.` })) },
    {
      heading: "COMMON OPTIONS",
      paragraphs: Object.values(standardOptions).map((option) => ({ term: optionTerm(option), text: option.doc })),
    },
  ];
}

function optionTerm(option: OptionDefinition): string {
  const value = option.docv ?? "VALUE";
  if (option.kind === "flag" || option.kind === "count") return option.flags.join(", ");
  if (option.kind === "help-format")
    return option.flags.map((flag) => (flag.startsWith("--") ? `${flag}[=${value}]` : flag)).join(", ");
  return option.flags.map((flag) => (flag.startsWith("--") ? `${flag}=${value}` : `${flag} ${value}`)).join(", ");
}

function optionText(option: OptionDefinition): string {
  return option.fallback === undefined ? option.doc : `${option.doc} Default: ${option.fallback}.`;
}
