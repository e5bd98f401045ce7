/**
 * Names of unikernels, block devices and policies: a path of labels and an optional last label (wire.md 15).
 *
 * @module
 */

/**
 * 1 to 63 letters, digits, `-` and `.`, not starting with `-`, folded to lower case.
 *
 * @example
 * ```ts
 * import { type Label, NameError, parseLabel } from "albatross";
 *
 * const labels: Label[] = ["Web", "db"].map(parseLabel);
 * console.log(labels); // [ "web", "db" ]
 * try {
 *   parseLabel("not a label");
 * } catch (error) {
 *   if (!(error instanceof NameError)) throw error;
 * }
 * ```
 */
export type Label = string & { readonly __brand: "Label" };

/** The longest label, in characters. */
export const LABEL_MAX = 63;

/** A text that is no name, path or label. `message` is the original's wording. */
export class NameError extends Error {
  override readonly name = "NameError";
}

const labelText = /^[a-zA-Z0-9.][a-zA-Z0-9.-]*$/;

/** Whether `text` is a label. */
export function isLabel(text: string): boolean {
  return text.length <= LABEL_MAX && labelText.test(text);
}

const labelRule = "invalid label (only [a-zA-Z0-9-.] allowed, 1 to 63 chars)";

/**
 * Parses a single label.
 *
 * @param text in any case
 * @returns the label, in lower case
 * @throws {NameError} if it is none
 *
 * @example
 * ```ts
 * import { parseLabel } from "albatross";
 *
 * console.log(parseLabel("Web")); // web
 * ```
 */
export function parseLabel(text: string): Label {
  if (!isLabel(text)) throw new NameError(labelRule);
  return text.toLowerCase() as Label;
}

/**
 * A name: the labels of its path, and the last label where it names one thing below that path.
 *
 * Names are immutable; {@link Name.key} identifies the slot in a tree, where `foo:bar` and `foo:bar:` are the same.
 *
 * @example
 * ```ts
 * import { Name, parseName } from "albatross";
 *
 * const name: Name = parseName("alice:web");
 * console.log(name.text, name.label, name.parentPath.text, Name.root.text); // alice:web web alice: :
 * ```
 */
export class Name {
  /** The labels of the path; empty for the root. */
  readonly path: readonly Label[];
  /** The last label; `undefined` if the name is a path. */
  readonly label: Label | undefined;
  /** The printed form: `:` root, `foo:` path, `foo:bar`, `:bar` at the root. */
  readonly text: string;
  /** Path and label joined by `:`: the slot of this name in a tree. Empty for the root. */
  readonly key: string;

  /** The root path. */
  static readonly root: Name = new Name([], undefined);

  constructor(path: readonly Label[], label: Label | undefined) {
    this.path = path;
    this.label = label;
    const prefix = path.join(":");
    this.text = `${prefix}:${label ?? ""}`;
    this.key = label === undefined ? prefix : path.length === 0 ? label : `${prefix}:${label}`;
  }

  /** Whether this name has no label. */
  get isPath(): boolean {
    return this.label === undefined;
  }

  /** Path and label together. */
  get labels(): readonly Label[] {
    return this.label === undefined ? this.path : [...this.path, this.label];
  }

  /** The path of this name, without the label. */
  get parentPath(): Name {
    return this.label === undefined ? this : new Name(this.path, undefined);
  }

  /**
   * This name's path with another label below it, e.g. a block device of a unikernel.
   *
   * @param label the other label
   * @returns the name
   *
   * @example
   * ```ts
   * import { parseLabel, parseName } from "albatross";
   *
   * console.log(parseName("alice:web").sibling(parseLabel("data")).text); // alice:data
   * ```
   */
  sibling(label: Label): Name {
    return new Name(this.path, label);
  }

  /**
   * Whether this name lies at or below `path` in the tree (the label of `path`, if any, counts as its last one).
   *
   * @param path where it may lie
   * @returns whether it does
   *
   * @example
   * ```ts
   * import { parseName } from "albatross";
   *
   * console.log(parseName("alice:web").isWithin(parseName("alice:"))); // true
   * ```
   */
  isWithin(path: Name): boolean {
    return path.key === "" || this.key === path.key || this.key.startsWith(`${path.key}:`);
  }

  /**
   * This name with the labels of `path` removed from the front; unchanged if they are not there.
   *
   * @param path whose labels are removed
   * @returns the shorter name
   *
   * @example
   * ```ts
   * import { parseName } from "albatross";
   *
   * console.log(parseName("alice:web").dropPrefix(parseName("alice:")).text); // :web
   * ```
   */
  dropPrefix(path: Name): Name {
    const prefix = path.path;
    if (prefix.length === 0) return this;
    if (prefix.length > this.path.length || prefix.some((label, at) => this.path[at] !== label)) return this;
    return new Name(this.path.slice(prefix.length), this.label);
  }

  /**
   * The form of logs and error texts: `[unikernel: foo:hello]`.
   *
   * @returns the text
   *
   * @example
   * ```ts
   * import { parseName } from "albatross";
   *
   * console.log(parseName("alice:web").toDisplay()); // [unikernel: alice:web]
   * ```
   */
  toDisplay(): string {
    return `[unikernel: ${this.text}]`;
  }

  /**
   * The printed form, as {@link Name.text}.
   *
   * @returns the text
   *
   * @example
   * ```ts
   * import { parseName } from "albatross";
   *
   * console.log(`${parseName("alice:web")}`); // alice:web
   * ```
   */
  toString(): string {
    return this.text;
  }
}

function components(text: string): string[] {
  const parts = text.split(":");
  if (parts[0] === "") parts.shift();
  return parts;
}

/**
 * Parses the path of a command-line option: no trailing colon; the empty text is the root.
 *
 * @param text labels joined by colons
 * @returns a name without a label
 * @throws {NameError} `invalid path: …`
 *
 * @example
 * ```ts
 * import { parsePath } from "albatross";
 *
 * console.log(parsePath("alice:test").text); // alice:test:
 * ```
 */
export function parsePath(text: string): Name {
  const parts = components(text);
  if (!parts.every(isLabel)) throw new NameError(`invalid path: ${labelRule}`);
  return new Name(
    parts.map((part) => part.toLowerCase() as Label),
    undefined,
  );
}

/**
 * Parses a name: a trailing colon makes it a path, `:` is the root.
 *
 * @param text labels joined by colons
 * @returns the name
 * @throws {NameError} `empty name`, `invalid name` or `invalid path: …`
 *
 * @example
 * ```ts
 * import { parseName } from "albatross";
 *
 * console.log(parseName("Alice:web").text, parseName("alice:").isPath); // alice:web true
 * ```
 */
export function parseName(text: string): Name {
  if (text === "") throw new NameError("empty name");
  if (text.endsWith(":")) return parsePath(text.slice(0, -1));
  const parts = components(text);
  if (!parts.every(isLabel)) throw new NameError("invalid name");
  const labels = parts.map((part) => part.toLowerCase() as Label);
  return new Name(labels.slice(0, -1), labels.at(-1));
}
