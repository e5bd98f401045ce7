/**
 * What a module imports, without running it. Only for Bun, which runs the plugins, too.
 *
 * @module
 */
import { isBuiltin } from "node:module";

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
