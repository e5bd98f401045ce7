/**
 * What a sub-command looks like: plain data, from which parsing, help, manual pages and completions are made.
 *
 * Actions live elsewhere (`actions/`), so that help needs no action and an action needs no other command.
 *
 * @module
 */
import type { ValueKind, ValueKinds } from "./values.ts";

/** Names that completions ask the configuration or a daemon for; `nothing` where the usual ones of the kind are wrong. */
export type CompletedNames =
  | "unikernels"
  | "blocks"
  | "policies"
  | "remotes"
  | "all-remotes"
  /** Of these only what follows the colon in `NAME:DEVICE`, or a word that is both. */
  | "bridges"
  | "devices"
  | "nothing";

/** An option. Its key in {@link CommandDefinition.options} is its name in the action. */
export interface OptionDefinition {
  /** `-x` and `--long` forms; errors name the last one. */
  readonly flags: readonly [string, ...string[]];
  /** `flag`: true if present. `count`: how often it is present. Otherwise the kind of its value. */
  readonly kind: "flag" | "count" | ValueKind;
  /** May be given several times; the values make a list, which replaces the fallback. */
  readonly repeated?: true;
  /** The value if the option is absent, as it would be typed. */
  readonly fallback?: string;
  /** The placeholder of the value; `VALUE` unless given. */
  readonly docv?: string;
  /** One or more sentences for the manual. */
  readonly doc: string;
  /** What exists already and can be the value, for completions. */
  readonly completes?: CompletedNames;
  /** The heading in the manual; `OPTIONS` unless given. */
  readonly section?: string;
}

/** A positional argument. */
export interface ArgumentDefinition {
  readonly docv: string;
  readonly kind: ValueKind;
  /** May be left out, as may all that follow it. */
  readonly optional?: true;
  readonly doc: string;
  /** What exists already and can be the value, for completions. */
  readonly completes?: CompletedNames;
}

/** A use of a command. */
export interface Example {
  /** The command line without the name of the program. */
  readonly line: string;
  /** What it does, a sentence. */
  readonly doc: string;
}

/** Options by the name they have in the action. */
export type Options = Readonly<Record<string, OptionDefinition>>;

/** Positional arguments in order, by the name they have in the action. */
export type Arguments = Readonly<Record<string, ArgumentDefinition>>;

/** A sub-command. */
export interface CommandDefinition<A extends Arguments = Arguments, O extends Options = Options> {
  readonly name: string;
  /** One line, without a full stop. */
  readonly summary: string;
  /** Paragraphs for the manual. */
  readonly description: readonly string[];
  readonly arguments: A;
  readonly options: O;
  readonly examples: readonly Example[];
  /** Exit statuses beyond the common ones. */
  readonly exits?: readonly { readonly status: number; readonly doc: string }[];
}

/** Checks a definition without losing the exact type of its parts. */
export function defineCommand<const A extends Arguments, const O extends Options>(
  definition: CommandDefinition<A, O>,
): CommandDefinition<A, O> {
  return definition;
}

type Single<Kind> = Kind extends "flag"
  ? boolean
  : Kind extends "count"
    ? number
    : Kind extends ValueKind
      ? ValueKinds[Kind]
      : never;

type OptionValue<O extends OptionDefinition> = O extends { repeated: true }
  ? readonly Single<O["kind"]>[]
  : O extends { fallback: string } | { kind: "flag" | "count" }
    ? Single<O["kind"]>
    : Single<O["kind"]> | undefined;

type ArgumentValue<A extends ArgumentDefinition> = A extends { optional: true }
  ? Single<A["kind"]> | undefined
  : Single<A["kind"]>;

/** What an action gets for a definition. */
export type Values<D> =
  D extends CommandDefinition<infer A, infer O>
    ? { readonly [Key in keyof A]: ArgumentValue<A[Key]> } & { readonly [Key in keyof O]: OptionValue<O[Key]> }
    : never;
