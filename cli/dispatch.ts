/**
 * Finds the sub-command, reads its command line, carries it out, and reports errors in the command line.
 *
 * @module
 */
import { createContext } from "./context.ts";
import { writeText } from "./output.ts";
import { type Parsed, parseArguments, parseTopLevel } from "./parse.ts";
import { type Entry, registry } from "./registry.ts";
import { ansiStyle, plainStyle, type Style, wantsStyle } from "./style.ts";
import { suggest } from "./suggest.ts";
import { EXIT_USAGE, formatUsageError, UsageError } from "./usage-error.ts";
import type { HelpFormat } from "./values.ts";
import { showVersion } from "./version.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Carries out a command line and gives the exit status. `started`: when the program was started. */
export async function dispatch(
  args: readonly string[],
  programName: string,
  environment: Environment,
  started: number,
): Promise<number> {
  const [name = "", ...line] = args;
  if (name === "" || name.startsWith("-")) {
    return await guarded(args, programName, environment, undefined, async () => {
      const parsed = parseTopLevel(args) ?? { kind: "help", format: "auto" };
      if (parsed.kind === "help") await showProgramHelp(parsed.format, programName, environment);
      else showVersion();
      return 0;
    });
  }
  const entry = registry.get(name);
  if (entry === undefined) {
    return await guarded(args, programName, environment, undefined, () => {
      throw unknownCommand(name);
    });
  }
  return await guarded(args, programName, environment, entry, () =>
    runCommand(entry, line, programName, environment, started),
  );
}

async function runCommand(
  entry: Entry,
  line: readonly string[],
  programName: string,
  environment: Environment,
  started: number,
): Promise<number> {
  const definition = await entry.definition();
  const parsed: Parsed<unknown> = parseArguments(definition, line);
  switch (parsed.kind) {
    case "help": {
      const { commandManual } = await import("./help/manual.ts");
      const { showManual } = await import("./help/show.ts");
      await showManual(commandManual(definition, programName), parsed.format, environment);
      return 0;
    }
    case "version":
      showVersion();
      return 0;
    case "run": {
      const action = await entry.action();
      // The registry has checked that the action takes the values of this definition.
      const values = parsed.values as never;
      return await action(values, createContext(values, programName, environment, started));
    }
  }
}

/** Reports usage errors on standard error. */
async function guarded(
  args: readonly string[],
  programName: string,
  environment: Environment,
  entry: Entry | undefined,
  work: () => Promise<number>,
): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const { commandSynopsis, programSynopsis } = await import("./help/synopsis.ts");
    const definition = await entry?.definition();
    const synopsis = (style: Style) =>
      definition === undefined ? programSynopsis(programName, style) : commandSynopsis(definition, programName, style);
    writeText(2, formatUsageError(error, programName, synopsis, errorStyle(args, environment)));
    return EXIT_USAGE;
  }
}

/** `--color` counts even if the command line could not be parsed. */
function errorStyle(args: readonly string[], environment: Environment): Style {
  const choice = args.includes("--color=always") ? "always" : args.includes("--color=never") ? "never" : "auto";
  return wantsStyle(2, choice, environment) ? ansiStyle : plainStyle;
}

async function showProgramHelp(format: HelpFormat, programName: string, environment: Environment): Promise<void> {
  const { programManual } = await import("./help/manual.ts");
  const { showManual } = await import("./help/show.ts");
  const definitions = await Promise.all([...registry.values()].map((entry) => entry.definition()));
  await showManual(programManual(definitions, programName), format, environment);
}

function unknownCommand(name: string): UsageError {
  const names = [...registry.keys()];
  return new UsageError(
    (style) => {
      const near = suggest(name, names).map((each) => style.quote(each));
      const quoted = names.map((each) => style.quote(each));
      const hint =
        near.length > 0
          ? `Did you mean ${near.join(" or ")}?`
          : `Must be one of ${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
      return `${style.wrong("unknown")} command ${style.quote(name)}. ${hint}`;
    },
    { synopsis: true },
  );
}
