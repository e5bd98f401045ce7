/**
 * What a module imports, and from where, without running it. Only for Bun, which runs the plugins, too.
 *
 * @module
 */
import { realpathSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname } from "node:path";

/**
 * The specifiers in the imports of a module, those of the runtime's own modules left out.
 *
 * @throws if its source cannot be parsed
 */
export function foreignImports(source: Uint8Array, path: string): readonly string[] {
  const loader = /\.[cm]?tsx?$/.test(path) ? "ts" : "js";
  const imports = new Bun.Transpiler({ loader }).scanImports(source);
  return imports.map((found) => found.path).filter((specifier) => !isBuiltin(specifier) && specifier !== "bun");
}

/** The file that an import in `file` leads to, without symbolic links; `undefined` if it leads nowhere. */
export function importedFile(specifier: string, file: string): string | undefined {
  try {
    return realpathSync(Bun.resolveSync(specifier, dirname(file)));
  } catch {
    return undefined; // as may be meant: many libraries try what they can do without
  }
}
