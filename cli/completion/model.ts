/**
 * What can be typed, made from the definitions of the commands: what the scripts for all shells are made of.
 *
 * @module
 */
import type { ArgumentDefinition, CommandDefinition, CompletedNames, OptionDefinition } from "../command.ts";
import { standardOptions } from "../parse.ts";
import { choices, type ValueKind } from "../values.ts";

/** What a value can be. */
export type Completion =
  | { readonly kind: "words"; readonly words: readonly string[] }
  | { readonly kind: "names"; readonly names: CompletedNames }
  | { readonly kind: "files" | "directories" | "anything" };

/** An option as it is completed. */
export interface OptionModel {
  readonly flags: readonly string[];
  /** The first sentence of its manual. */
  readonly doc: string;
  readonly docv: string;
  readonly repeated: boolean;
  /** Nothing for options without a value. */
  readonly value: Completion | undefined;
}

/** A sub-command as it is completed. */
export interface CommandModel {
  /** One word, or two. */
  readonly name: string;
  readonly summary: string;
  readonly options: readonly OptionModel[];
  readonly arguments: readonly { readonly docv: string; readonly value: Completion }[];
}

/** The model of a sub-command. */
export function commandModel(definition: CommandDefinition): CommandModel {
  const options = [...Object.values(definition.options), ...Object.values(standardOptions)];
  return {
    name: definition.name,
    summary: definition.summary,
    options: options.map(optionModel),
    arguments: Object.values(definition.arguments).map((argument) => ({
      docv: argument.docv,
      value: completionOf(argument.kind, argument),
    })),
  };
}

function optionModel(option: OptionDefinition): OptionModel {
  const { flags, kind, doc, docv = "VALUE", repeated = false } = option;
  const bare = kind === "flag" || kind === "count" || kind === "help-format"; // the format of help is seldom given
  return {
    flags,
    doc: doc.split(/\.(?:\s|$)/)[0] ?? doc,
    docv,
    repeated: repeated || kind === "count",
    value: bare ? undefined : completionOf(kind, option),
  };
}

const byKind: { readonly [Kind in ValueKind]?: Completion } = {
  name: { kind: "names", names: "unikernels" },
  path: { kind: "names", names: "policies" },
  remote: { kind: "names", names: "remotes" },
  network: { kind: "names", names: "bridges" },
  block: { kind: "names", names: "devices" },
  file: { kind: "files" },
  "file-name": { kind: "files" },
  directory: { kind: "directories" },
};

function completionOf(kind: ValueKind, { completes }: OptionDefinition | ArgumentDefinition): Completion {
  if (completes === "nothing") return { kind: "anything" };
  if (completes !== undefined) return { kind: "names", names: completes };
  const words = choices[kind];
  return words !== undefined ? { kind: "words", words } : (byKind[kind] ?? { kind: "anything" });
}

/** All first words, with what they are: sub-commands, and groups of them. */
export function firstWords(commands: readonly CommandModel[]): ReadonlyMap<string, string> {
  const words = new Map<string, string>();
  for (const { name, summary } of commands) {
    const [first = "", second] = name.split(" ");
    words.set(first, second === undefined ? summary : `the commands of ${first}`);
  }
  return words;
}

/** The groups, each with its second words. */
export function groupsOf(commands: readonly CommandModel[]): ReadonlyMap<string, readonly CommandModel[]> {
  const groups = new Map<string, CommandModel[]>();
  for (const command of commands) {
    const [first = "", second] = command.name.split(" ");
    if (second !== undefined) groups.set(first, [...(groups.get(first) ?? []), command]);
  }
  return groups;
}

/** Flags that a value follows, of all commands: none of these is a mere flag anywhere. */
export function flagsWithValue(commands: readonly CommandModel[]): readonly string[] {
  const options = commands.flatMap((command) => command.options).filter(({ value }) => value !== undefined);
  return [...new Set(options.flatMap(({ flags }) => flags))].sort();
}

/** A word in single quotes, for bash, zsh and (unlike there, with backslashes) fish. */
export function quoted(text: string, shell: "posix" | "fish" = "posix"): string {
  if (shell === "fish") return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  return `'${text.replaceAll("'", "'\\''")}'`;
}
