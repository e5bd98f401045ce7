/**
 * Finds the sub-command, reads its command line, carries it out, and reports errors in the command line.
 *
 * @module
 */
import { listed } from "../client/alternatives.ts";
import { InputError } from "../client/errors.ts";
import type { CommandDefinition } from "./command.ts";
import { createContext } from "./context.ts";
import { findCommand, membersOf } from "./find-command.ts";
import { writeText } from "./output.ts";
import { type Parsed, parseArguments, parseTopLevel } from "./parse.ts";
import { type Entry, registry } from "./registry.ts";
import type { RemoteChoice } from "./remotes/with-remote.ts";
import { ansiStyle, plainStyle, type Style, wantsStyle } from "./style.ts";
import { EXIT_USAGE, formatUsageError, UsageError } from "./usage-error.ts";
import { showVersion } from "./version.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** The word that completion scripts call the program with; it is in no help. */
const COMPLETE = "__complete";

/** Carries out a command line and gives the exit status. `started`: when the program was started. */
export async function dispatch(
  args: readonly string[],
  programName: string,
  environment: Environment,
  started: number,
): Promise<number> {
  const [name = ""] = args;
  if (name === COMPLETE) return await (await import("./completion/complete.ts")).complete(args.slice(1), environment);
  let definition: CommandDefinition | undefined;
  try {
    if (name === "" || name.startsWith("-")) return await showGroup("", args, programName, environment);
    const found = findCommand(args);
    if ("group" in found) return await showGroup(found.group, found.line, programName, environment);
    definition = await found.entry.definition();
    return await runCommand(found.entry, definition, found.line, programName, environment, started);
  } catch (thrown) {
    const error = thrown instanceof InputError ? new UsageError(thrown.message, { cause: thrown }) : thrown;
    if (!(error instanceof UsageError)) throw error;
    await reportUsage(error, args, programName, environment, definition);
    return EXIT_USAGE;
  }
}

async function runCommand(
  entry: Entry,
  definition: CommandDefinition,
  line: readonly string[],
  programName: string,
  environment: Environment,
  started: number,
): Promise<number> {
  const parsed: Parsed<unknown> = parseArguments(definition, line);
  switch (parsed.kind) {
    case "help": {
      const { commandManual } = await import("./help/manual.ts");
      const { showManual } = await import("./help/show.ts");
      await showManual(commandManual(definition, programName), parsed.format, environment);
      return 0;
    }
    case "version":
      showVersion(line);
      return 0;
    case "run": {
      const action = await entry.action();
      // The registry has checked that the action takes the values of this definition.
      let values = parsed.values as never;
      if (namesRemote(values)) {
        const { withRemote } = await import("./remotes/with-remote.ts");
        values = withRemote(values, definition.name, environment) as never;
      }
      return await action(
        values,
        createContext(values, programName, environment, started, () => definitionsOf("")),
      );
    }
  }
}

function namesRemote(values: object): values is RemoteChoice {
  return "remote" in values && values.remote !== undefined;
}

/** Reports a usage error on standard error. */
async function reportUsage(
  error: UsageError,
  args: readonly string[],
  programName: string,
  environment: Environment,
  definition: CommandDefinition | undefined,
): Promise<void> {
  const { commandSynopsis, groupSynopsis } = await import("./help/synopsis.ts");
  const [name = ""] = args;
  const group = membersOf(name).length > 0 ? name : "";
  const synopsis = (style: Style) =>
    definition === undefined
      ? groupSynopsis(group, programName, style)
      : commandSynopsis(definition, programName, style);
  writeText(2, formatUsageError(error, programName, synopsis, errorStyle(args, environment)));
}

/** `--color` counts even if the command line could not be parsed. */
function errorStyle(args: readonly string[], environment: Environment): Style {
  const choice = args.includes("--color=always") ? "always" : args.includes("--color=never") ? "never" : "auto";
  return wantsStyle(2, choice, environment) ? ansiStyle : plainStyle;
}

/** What is shown where no sub-command is named: of the whole program, or of a group such as `remote`. */
async function showGroup(
  group: string,
  line: readonly string[],
  programName: string,
  environment: Environment,
): Promise<number> {
  const parsed = parseTopLevel(line);
  if (parsed?.kind === "version") {
    showVersion(line);
    return 0;
  }
  if (parsed === undefined && group !== "") {
    const members = membersOf(group);
    throw new UsageError(
      (style) => `required ${style.underline("COMMAND")} name is missing, must be one of ${listed(members, style)}`,
      { synopsis: true },
    );
  }
  const { groupManual, programManual } = await import("./help/manual.ts");
  const { showManual } = await import("./help/show.ts");
  const definitions = await definitionsOf(group);
  const manual = group === "" ? programManual(definitions, programName) : groupManual(group, definitions, programName);
  await showManual(manual, parsed?.kind === "help" ? parsed.format : "auto", environment);
  return 0;
}

/** The definitions of a group, or of all commands. */
async function definitionsOf(group: string): Promise<readonly CommandDefinition[]> {
  const entries = [...registry].filter(([name]) => group === "" || name.startsWith(`${group} `));
  return await Promise.all(entries.map(([, entry]) => entry.definition()));
}
