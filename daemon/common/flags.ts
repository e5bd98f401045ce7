/**
 * Command-line flags of the daemons, declared once: parsing, defaults, help.
 *
 * An own small parser, since a library costs a daemon more start-up time than all its other code.
 *
 * @module
 */
import { parseIntegerLiteral } from "../../core/integer-literal.ts";

/** The command line is wrong: exit status 124. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** A flag with a result of type `T`. */
export interface Flag<T> {
  /** With dashes, e.g. `["-v", "--verbose"]`. */
  readonly names: readonly string[];
  /** What stands for the value in the help; `undefined`: the flag takes none. `[X]`: the value is optional. */
  readonly placeholder: string | undefined;
  readonly help: string;
  /** May be given several times. */
  readonly repeatable?: boolean;
  /**
   * The result, from the values in order (`""` for each occurrence without one).
   *
   * @throws {UsageError} with the reason only; the flag's name is put in front
   */
  read(values: readonly string[]): T;
}

/** Flags by the names of their results. */
export type Flags = Readonly<Record<string, Flag<unknown>>>;

/** The results of flags. */
export type FlagValues<F extends Flags> = { readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never };

/** A flag without a value. */
export function switchFlag(names: readonly string[], help: string): Flag<boolean> {
  return { names, placeholder: undefined, help, read: (values) => values.length > 0 };
}

/** A flag with a value. `parse` throws {@link UsageError} with the reason. */
export function valueFlag<T>(
  name: string,
  placeholder: string,
  help: string,
  parse: (text: string) => T,
  absent: () => T,
): Flag<T> {
  return {
    names: [name],
    placeholder,
    help,
    read: (values) => (values[0] === undefined ? absent() : parse(values[0])),
  };
}

/** An integer of at least `least`, in the syntax that the client has, too; `tooSmall` is the complaint about less. */
export function integer(least: number, tooSmall: string): (text: string) => number {
  return (text) => {
    const value = Number(parseIntegerLiteral(text) ?? Number.NaN);
    if (!Number.isSafeInteger(value)) throw new UsageError(`invalid value ${text}, expected an integer`);
    if (value < least) throw new UsageError(tooSmall);
    return value;
  };
}

/**
 * Parses a command line.
 *
 * Long flags take their value as `--flag=value` or as the next argument, and may not be shortened (client.md 2); short
 * ones may be joined (`-vv`). After `--` everything is positional.
 *
 * @throws {UsageError}
 */
export function parseFlags<F extends Flags>(
  flags: F,
  args: readonly string[],
): { readonly values: FlagValues<F>; readonly positional: readonly string[] } {
  const given = new Map<Flag<unknown>, string[]>();
  const positional: string[] = [];
  const rest = [...args];
  const take = (flag: Flag<unknown>, name: string, attached: string | undefined) => {
    const value = attached ?? (needsValue(flag) ? rest.shift() : "");
    if (value === undefined) throw new UsageError(`option ${name} needs an argument`);
    const values = given.get(flag) ?? [];
    if (values.length > 0 && flag.repeatable !== true) throw new UsageError(`option ${name} cannot be repeated`);
    given.set(flag, [...values, value]);
  };
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "--") {
      positional.push(...rest.splice(0));
    } else if (word.startsWith("--")) {
      const equals = word.indexOf("=");
      const name = equals < 0 ? word : word.slice(0, equals);
      const flag = findLong(flags, name);
      const attached = equals < 0 ? undefined : word.slice(equals + 1);
      if (attached !== undefined && flag.placeholder === undefined) {
        throw new UsageError(`option ${name} is a flag, it cannot take the argument ${attached}`);
      }
      take(flag, name, attached);
    } else if (word.startsWith("-") && word !== "-") {
      for (let at = 1; at < word.length; at++) {
        const name = `-${word[at]}`;
        const flag = Object.values(flags).find((candidate) => candidate.names.includes(name));
        if (flag === undefined) throw new UsageError(`unknown option ${name}`);
        if (!needsValue(flag)) {
          take(flag, name, undefined);
        } else {
          take(flag, name, at + 1 < word.length ? word.slice(at + 1) : undefined);
          break;
        }
      }
    } else {
      positional.push(word);
    }
  }
  const values = Object.entries(flags).map(([key, flag]) => {
    try {
      return [key, flag.read(given.get(flag) ?? [])] as const;
    } catch (error) {
      if (error instanceof UsageError) throw new UsageError(`option ${flag.names.at(-1)}: ${error.message}`);
      throw error;
    }
  });
  return { values: Object.fromEntries(values) as FlagValues<F>, positional };
}

function needsValue(flag: Flag<unknown>): boolean {
  return flag.placeholder !== undefined && !flag.placeholder.startsWith("[");
}

function findLong(flags: Flags, name: string): Flag<unknown> {
  const flag = Object.values(flags).find((candidate) => candidate.names.includes(name));
  if (flag === undefined) throw new UsageError(`unknown option ${name}`);
  return flag;
}

/** The help: usage, what it does, and every flag. */
export function helpText(program: string, summary: string, flags: Flags, positional = ""): string {
  const lines = Object.values(flags).map((flag) => {
    const value = flag.placeholder === undefined ? "" : flag.placeholder.startsWith("[") ? "" : `=${flag.placeholder}`;
    return `  ${flag.names.map((name) => (name.startsWith("--") ? name + value : name)).join(", ")}\n      ${flag.help}\n`;
  });
  return `${usageLine(program, positional)}\n\n${summary}\n\nOptions:\n${lines.join("")}\nExit status: 0 on an orderly end, 124 on a wrong command line, 125 on an unexpected error.\n`;
}

/** The line that precedes every usage error. */
export function usageLine(program: string, positional = ""): string {
  return `Usage: ${program} [--help] [OPTION]…${positional === "" ? "" : ` ${positional}`}`;
}
