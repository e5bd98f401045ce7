/**
 * Which sub-command a command line names: by one word, as `info`, or by two, as `remote add`.
 *
 * @module
 */
import { alternatives } from "../client/alternatives.ts";
import { type Entry, registry } from "./registry.ts";
import { UsageError } from "./usage-error.ts";

/** A sub-command, and the words after its name; or a group of them, of which none was named. */
export type FoundCommand =
  | { readonly entry: Entry; readonly line: readonly string[] }
  | { readonly group: string; readonly line: readonly string[] };

/**
 * Finds the sub-command that the first words name.
 *
 * @throws {UsageError} if there is none
 */
export function findCommand(args: readonly string[]): FoundCommand {
  const [first = "", second = "", ...rest] = args;
  const single = registry.get(first);
  if (single !== undefined) return { entry: single, line: args.slice(1) };
  const members = membersOf(first);
  if (members.length === 0) throw unknown(first, new Set([...registry.keys()].map((name) => name.split(" ")[0] ?? "")));
  const entry = registry.get(`${first} ${second}`);
  if (entry !== undefined) return { entry, line: rest };
  if (second === "" || second.startsWith("-")) return { group: first, line: args.slice(1) };
  throw unknown(second, members);
}

/** The second words of the sub-commands of a group. */
export function membersOf(group: string): readonly string[] {
  return [...registry.keys()].flatMap((name) => (name.startsWith(`${group} `) ? [name.slice(group.length + 1)] : []));
}

function unknown(word: string, known: Iterable<string>): UsageError {
  return new UsageError(
    (style) => `${style.wrong("unknown")} command ${style.quote(word)}. ${alternatives(word, [...known], style)}`,
    { synopsis: true },
  );
}
