/**
 * Names as callers give them.
 *
 * @module
 */
import { type Label, Name, NameError, parseLabel, parseName, parsePath } from "../../core/name.ts";
import { InputError } from "../errors.ts";

/**
 * A name that was parsed already, or a text like `hello` or `alice:hello`.
 *
 * @example
 * ```ts
 * import { connect, type NameInput, parseName } from "albatross";
 *
 * const names: NameInput[] = ["hello", parseName("alice:")];
 * const albatross = await connect({ tmpdir: "/run/albatross" });
 * for (const name of names) console.log((await albatross.info(name)).length);
 * ```
 */
export type NameInput = Name | string;

/** @throws {InputError} `argument` */
export function asName(given: NameInput): Name {
  return given instanceof Name ? given : parsed(given, () => parseName(given));
}

/** The name of one thing. @throws {InputError} `argument` */
export function asOne(given: NameInput): Name {
  const name = asName(given);
  if (name.isPath) throw new InputError("argument", `Cannot use the path ${name.text} here: name one thing`);
  return name;
}

/** A path, with or without a colon at its end; the root unless given. @throws {InputError} `argument` */
export function asPath(given: NameInput | undefined): Name {
  if (given === undefined) return Name.root;
  const name =
    given instanceof Name ? given : parsed(given, () => (given.endsWith(":") ? parseName(given) : parsePath(given)));
  return name.isPath ? name : new Name(name.labels, undefined);
}

/** @throws {InputError} `argument` */
export function asLabel(given: string): Label {
  return parsed(given, () => parseLabel(given));
}

function parsed<T>(given: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    if (!(cause instanceof NameError)) throw cause;
    throw new InputError("argument", `Cannot use the name ${JSON.stringify(given)}: ${cause.message}`, { cause });
  }
}

/**
 * The name by which the same client can ask for an element of a reply (wire.md 6): replies to a path leave that out,
 * others have the full name, which at a remote host begins with the path of the delegation.
 *
 * @param asked what was asked for
 * @param host the name in the header of the reply
 */
export function ownName(asked: Name, host: Name, element: Name): Name {
  if (asked.isPath) return new Name([...asked.path, ...element.path], element.label);
  return element.dropPrefix(new Name(host.path.slice(0, host.path.length - asked.path.length), undefined));
}

/** Whether a name comes before another: for lists, since daemons give them in no order. */
export function byName(a: { readonly name: Name }, b: { readonly name: Name }): number {
  return a.name.text < b.name.text ? -1 : 1;
}
