/**
 * What an action has at hand.
 *
 * @module
 */
import { fromText, toBytes } from "../core/byte-string.ts";
import type { CommandDefinition } from "./command.ts";
import type { JsonObject } from "./json.ts";
import { chooseVerbosity, createLog, harmless, type Log } from "./log.ts";
import { writeBytes, writeText } from "./output.ts";
import { type ColorChoice, isTerminal, wantsStyle } from "./style.ts";
import type { Verbosity } from "./values.ts";

/** The surroundings of a call. */
export interface Context {
  /** The base name the program was called by. */
  readonly programName: string;
  readonly log: Log;
  /** Whether results are printed as JSON: then nothing but {@link Context.object} may write to standard output. */
  readonly json: boolean;
  /** Whether lists are printed as tables: on a terminal, unless other text is asked for. */
  tables(): boolean;
  /** Whether standard output gets escape sequences. */
  colored(): boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** When the program was started: milliseconds since 1970. */
  readonly started: number;
  /** Loads the definitions of all sub-commands. */
  definitions(): Promise<readonly CommandDefinition[]>;
  /** Writes text to standard output, whatever the log level. */
  print(text: string): void;
  /** Writes text for people to standard error, unless the log is quiet. */
  hint(text: string): void;
  /** Writes a JSON object and a newline to standard output. */
  object(value: JsonObject): void;
}

/** The values of the options in `options/common.ts`. */
export interface CommonValues {
  readonly json: boolean;
  readonly plain: boolean;
  readonly quiet: boolean;
  readonly verbose: number;
  readonly verbosity: Verbosity | undefined;
  readonly color: ColorChoice;
}

/** Controls of terminals that JSON leaves as they are. */
const furtherControls = /[\u007f-\u009f]/g;

function escaped(control: string): string {
  return `\\u00${control.charCodeAt(0).toString(16)}`;
}

/** Makes the context of an action from the common options. */
export function createContext(
  values: CommonValues,
  programName: string,
  environment: Readonly<Record<string, string | undefined>>,
  started: number,
  definitions: () => Promise<readonly CommandDefinition[]>,
): Context {
  const verbosity = chooseVerbosity(values);
  const descriptor = values.json ? 2 : 1;
  return {
    programName,
    json: values.json,
    colored: () => wantsStyle(1, values.color, environment),
    tables: () => !values.json && !values.plain && verbosity === "warning" && isTerminal(1),
    environment,
    started,
    definitions,
    log: createLog({
      programName,
      verbosity,
      colored: () => wantsStyle(descriptor, values.color, environment),
      onTerminal: () => isTerminal(descriptor),
      write: (text) => writeBytes(descriptor, toBytes(text)),
    }),
    print: (text) => writeText(1, text),
    hint: (text) => {
      if (verbosity === "quiet") return;
      const line = fromText(`${programName}: ${text}\n`);
      writeBytes(2, toBytes(isTerminal(2) ? harmless(line) : line));
    },
    object: (value) => writeText(1, `${JSON.stringify(value).replaceAll(furtherControls, escaped)}\n`),
  };
}
