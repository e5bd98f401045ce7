/**
 * Reads the documentation of the module out of its sources: which symbols are public, what is written about them, and the
 * examples in it. It relies on the form that the formatter gives to declarations.
 *
 * @module
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";

export const root: string = join(import.meta.dirname, "..", "..");

/** A public symbol, or a method of one. */
export interface PublicSymbol {
  /** `connect`, `Albatross.info`. */
  readonly name: string;
  readonly kind: "class" | "function" | "method" | "type" | "value";
  readonly file: string;
  /** Its documentation without the stars; empty if there is none. */
  readonly text: string;
  readonly parameters: readonly string[];
  /** Whether a call gives something. */
  readonly returns: boolean;
}

/** An example, as it is to be run. */
export interface Example {
  /** `Albatross.create: A file` */
  readonly title: string;
  readonly code: string;
  /** What it imports from the module. */
  readonly imports: readonly string[];
}

const exported = /export (?:type )?\{([^}]*)\} from "([^"]+)"/g;

/** Everything that mod.ts exports, with the methods of its classes. */
export function publicSymbols(): readonly PublicSymbol[] {
  return [...read("mod.ts").matchAll(exported)].flatMap(([, names = "", path = ""]) =>
    names
      .split(",")
      .map((name) => name.trim().replace(/^type /, ""))
      .filter((name) => name !== "")
      .flatMap((name) => declared(join(path), name)),
  );
}

/** The text at the top of mod.ts. */
export function moduleText(): string {
  return withoutStars(/^\/\*\*([\s\S]*?)\*\//.exec(read("mod.ts"))?.[1] ?? "");
}

/** The examples in a text. */
export function examplesIn(title: string, text: string): readonly Example[] {
  return [...text.matchAll(/^@example *(.*)\n```ts\n([\s\S]*?)^```$/gm)].map(([, subtitle = "", code = ""]) => ({
    title: subtitle === "" ? title : `${title}: ${subtitle}`,
    code,
    imports: [...code.matchAll(/import (?:type )?\{([^}]*)\} from "albatross"/g)].flatMap(([, names = ""]) =>
      names.split(",").map((name) => name.trim().replace(/^type /, "")),
    ),
  }));
}

function read(file: string): string {
  return readFileSync(join(root, file), "utf8");
}

function withoutStars(comment: string): string {
  return comment.replaceAll(/^ *\* ?/gm, "").trim();
}

const comment = String.raw`(?:/\*\*((?:(?!\*/)[\s\S])*)\*/\s*)?`;

function declared(file: string, name: string): readonly PublicSymbol[] {
  const source = read(file);
  const declaration = new RegExp(
    String.raw`${comment}^export (?:abstract )?(async function\*?|function|class|interface|type|const) ${name}\b`,
    "m",
  ).exec(source);
  assert.ok(declaration !== null, `${file} does not declare ${name}`);
  const [whole, text = "", word = ""] = declaration;
  const rest = source.slice(declaration.index + whole.length);
  const kind = word.includes("function")
    ? "function"
    : word === "class"
      ? "class"
      : word === "const"
        ? "value"
        : "type";
  const own: PublicSymbol = { name, kind, file, text: withoutStars(text), ...signature(rest) };
  if (kind !== "class") return [own];
  const end = rest.indexOf("\n}\n");
  const parent = /^ extends (\w+)/.exec(rest)?.[1];
  const inherited = parent !== undefined && parent !== "Error" ? methodsOfParent(file, source, parent, name) : [];
  return [own, ...methodsIn(file, rest.slice(0, end), name), ...inherited];
}

function methodsOfParent(file: string, source: string, parent: string, name: string): readonly PublicSymbol[] {
  const from = new RegExp(String.raw`^import \{[^}]*\b${parent}\b[^}]*\} from "([^"]+)"`, "m").exec(source)?.[1];
  const where = from === undefined ? file : join(file, "..", from);
  const methods = declared(where, parent).filter(({ kind }) => kind === "method");
  return methods.map((method) => ({ ...method, name: method.name.replace(parent, name) }));
}

function methodsIn(file: string, body: string, owner: string): readonly PublicSymbol[] {
  const method = new RegExp(String.raw`${comment}^  (?:async )?\*?(\w+)\((?=[^;]*\{$)`, "gm");
  return [...body.matchAll(method)].flatMap((found) => {
    const [whole, text = "", name = ""] = found;
    if (name === "constructor") return [];
    const { parameters, returns } = signature(body.slice(found.index + whole.length - 1));
    const full = `${owner}.${name}`;
    return [{ name: full, kind: "method" as const, file, text: withoutStars(text), parameters, returns }];
  });
}

/** The names of the parameters that a declaration begins with, and whether it gives something. */
function signature(rest: string): Pick<PublicSymbol, "parameters" | "returns"> {
  if (!rest.startsWith("(")) return { parameters: [], returns: false };
  let depth = 0;
  let at = 0;
  let list = "";
  do {
    const letter = rest[at++] ?? assert.fail("a list of parameters does not end");
    if ("([{<".includes(letter)) depth++;
    if (")]}".includes(letter) || (letter === ">" && rest[at - 2] !== "=")) depth--;
    if (depth === 1) list += letter;
  } while (depth > 0);
  const parameters = [...list.matchAll(/(?:^\(|,)\s*(\w+)\??\s*[:=]/g)].map(([, name = ""]) => name);
  const type = /^: (.*) \{$/m.exec(rest.slice(at))?.[1] ?? "";
  return { parameters, returns: type !== "void" && type !== "Promise<void>" };
}
