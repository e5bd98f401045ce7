/**
 * Reads a command line by the definition of its sub-command.
 *
 * The rules and texts are those of the original's library: options may follow arguments, `--` ends options, values are
 * given as `--opt=value`, `--opt value`, `-ovalue` or `-o value`, names are not abbreviated, an option that takes one
 * value is not repeated (client.md 2). A library of this runtime would cost 6 ms of every start and other texts.
 *
 * @module
 */
import { didYouMean } from "../client/alternatives.ts";
import { ValueError } from "../client/value-error.ts";
import type { Arguments, CommandDefinition, OptionDefinition, Options, Values } from "./command.ts";
import type { Style } from "./style.ts";
import { UsageError } from "./usage-error.ts";
import { type HelpFormat, parsers, type ValueKind } from "./values.ts";

/** What a command line asks for. */
export type Parsed<Result> =
  | { readonly kind: "run"; readonly values: Result }
  | { readonly kind: "help"; readonly format: HelpFormat }
  | { readonly kind: "version" };

/** Options that every command has and no definition lists. */
export const standardOptions = {
  help: {
    flags: ["-h", "--help"],
    kind: "help-format",
    docv: "FMT",
    doc: "Show this help, as auto, pager, groff (source of a manual page) or plain text.",
    section: "COMMON OPTIONS",
  },
  version: { flags: ["--version"], kind: "flag", doc: "Show the version.", section: "COMMON OPTIONS" },
} as const satisfies Options;

/** An occurrence of an option. */
interface Given {
  readonly flag: string;
  readonly text: string | undefined;
}

/**
 * Parses what follows the name of the sub-command.
 *
 * @throws {UsageError}
 */
export function parseArguments<A extends Arguments, O extends Options>(
  definition: CommandDefinition<A, O>,
  line: readonly string[],
): Parsed<Values<CommandDefinition<A, O>>> {
  const { given, rest, problem } = split({ ...definition.options, ...standardOptions }, line);
  // As in the original, a request for help is served whatever else is wrong.
  const help = given.get("help")?.at(-1);
  if (help !== undefined) return { kind: "help", format: helpFormat(help) };
  if (given.has("version")) return { kind: "version" };
  if (problem !== undefined) throw problem;

  const values: Record<string, unknown> = {};
  const positional = Object.entries(definition.arguments);
  if (rest.length > positional.length) throw tooMany(rest.slice(positional.length));
  for (const [key, option] of Object.entries(definition.options))
    values[key] = optionValue(option, given.get(key) ?? []);
  const missing = positional.slice(rest.length).flatMap(([, { docv, optional }]) => (optional ? [] : [docv]));
  if (missing.length > 0) throw missingArguments(missing);
  for (const [at, [key, argument]] of positional.entries()) {
    const text = rest[at];
    if (text === undefined) continue;
    values[key] = parseValue(argument.kind, text, (style) => `${style.underline(argument.docv)} argument: `);
  }
  return { kind: "run", values: values as Values<CommandDefinition<A, O>> };
}

/**
 * Parses a command line that names no sub-command.
 *
 * @returns undefined if it is empty
 * @throws {UsageError}
 */
export function parseTopLevel(line: readonly string[]): Parsed<never> | undefined {
  const { given, rest, problem } = split(standardOptions, line);
  const help = given.get("help")?.at(-1);
  if (help !== undefined) return { kind: "help", format: helpFormat(help) };
  if (given.has("version")) return { kind: "version" };
  if (problem !== undefined) throw problem;
  if (rest.length > 0) throw tooMany(rest);
  return undefined;
}

function helpFormat(help: Given): HelpFormat {
  if (help.text === undefined) return "auto";
  return parseValue("help-format", help.text, (style) => `option ${style.quote(help.flag)}: `);
}

/** Sorts the words of a command line; the first problem is kept rather than thrown, since help comes first. */
function split(options: Options, line: readonly string[]) {
  const byFlag = new Map<string, { key: string; option: OptionDefinition }>();
  for (const [key, option] of Object.entries(options)) {
    for (const flag of option.flags) byFlag.set(flag, { key, option });
  }
  const given = new Map<string, Given[]>();
  const rest: string[] = [];
  let problem: UsageError | undefined;
  const words = [...line];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === "--") {
      rest.push(...words);
      break;
    }
    if (!looksLikeOption(word)) {
      rest.push(word);
      continue;
    }
    const { flag, glued } = takeApart(word);
    const found = byFlag.get(flag);
    if (found === undefined) {
      problem ??= unknownOption(flag, byFlag.keys());
      continue;
    }
    const { key, option } = found;
    const takesValue = option.kind !== "flag" && option.kind !== "count";
    let text = glued;
    if (!takesValue && glued !== undefined) {
      if (flag.startsWith("--")) problem ??= flagWithValue(flag, glued);
      else words.unshift(`-${glued}`); // -qv is -q -v
      text = undefined;
    } else if (takesValue && glued === undefined && key !== "help") {
      const next = words[0];
      if (next === undefined || looksLikeOption(next)) problem ??= needsArgument(flag, next);
      else text = words.shift();
    }
    const list = given.get(key);
    if (list === undefined) given.set(key, [{ flag, text }]);
    else list.push({ flag, text });
  }
  return { given, rest, problem };
}

function looksLikeOption(word: string): boolean {
  return word.length > 1 && word.startsWith("-");
}

/** An option as it is typed: its flag, and the value that is in the same word. */
export function takeApart(word: string): { flag: string; glued: string | undefined } {
  if (!word.startsWith("--")) return { flag: word.slice(0, 2), glued: word.length > 2 ? word.slice(2) : undefined };
  const at = word.indexOf("=");
  return at < 0 ? { flag: word, glued: undefined } : { flag: word.slice(0, at), glued: word.slice(at + 1) };
}

function optionValue(option: OptionDefinition, given: readonly Given[]): unknown {
  const kind = option.kind;
  if (kind === "count") return given.length;
  if (option.repeated !== true && given.length > 1) throw repeatedOption(given);
  if (kind === "flag") return given.length > 0;
  const parse = ({ flag, text }: Given) => parseValue(kind, text ?? "", (style) => `option ${style.quote(flag)}: `);
  if (given.length === 0) {
    if (option.fallback === undefined) return option.repeated ? [] : undefined;
    const value = parsers[kind](option.fallback);
    return option.repeated ? [value] : value;
  }
  const values = given.map(parse);
  return option.repeated ? values : values[0];
}

function parseValue<Kind extends ValueKind>(kind: Kind, text: string, prefix: (style: Style) => string) {
  try {
    return parsers[kind](text);
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    throw new UsageError((style) => prefix(style) + error.render(style), { synopsis: true, cause: error });
  }
}

function usage(render: (style: Style) => string): UsageError {
  return new UsageError(render, { synopsis: true });
}

function unknownOption(flag: string, known: Iterable<string>): UsageError {
  const flags = [...known];
  return usage((style) => {
    const hint = didYouMean(flag, flags, style);
    return `${style.wrong("unknown")} option ${style.quote(flag)}${hint === undefined ? "" : `. ${hint}`}`;
  });
}

function flagWithValue(flag: string, text: string): UsageError {
  return usage((style) => `option ${style.quote(flag)} is a flag, it cannot take the argument ${style.quote(text)}`);
}

function needsArgument(flag: string, next: string | undefined): UsageError {
  return usage((style) => {
    const hint =
      next === undefined || !flag.startsWith("--")
        ? ""
        : `. For a value like this write ${style.quote(`${flag}=${next}`)}`;
    return `option ${style.quote(flag)} needs an argument${hint}`;
  });
}

function repeatedOption(given: readonly Given[]): UsageError {
  const first = given[0]?.flag ?? "";
  const other = given.find((each) => each.flag !== first)?.flag;
  return usage((style) =>
    other === undefined
      ? `option ${style.quote(first)} cannot be repeated`
      : `options ${style.quote(first)} and ${style.quote(other)} cannot be present at the same time`,
  );
}

function tooMany(words: readonly string[]): UsageError {
  return usage(
    (style) =>
      `${style.wrong("too many arguments")}, don't know what to do with ${words.map((word) => style.quote(word)).join(", ")}`,
  );
}

function missingArguments(names: readonly string[]): UsageError {
  return usage((style) => {
    const list = names.map((name) => style.underline(name)).join(", ");
    return `required argument${names.length === 1 ? "" : "s"} ${list} ${names.length === 1 ? "is" : "are"} ${style.wrong("missing")}`;
  });
}
