/**
 * That a package imports nothing but what is in it: the rest of the host nobody has looked at.
 *
 * @module
 */
import { openFolderAbove, readTrusted } from "../host/trusted-file.ts";
import { foreignImports, importedFile } from "../runtime/module-imports.ts";
import { PluginError } from "./validate.ts";

/** Files that have imports. */
const source = /\.[cm]?[jt]sx?$/;

/**
 * Follows the imports of a package from its entry on.
 *
 * @param folder without symbolic links, and trusted with all that is in it
 * @throws {PluginError} if one leads out of it, or others could make it lead elsewhere
 */
export function requireOwnImports(folder: string, entry: string): void {
  const open = openFolderAbove(folder);
  const reached = new Set([entry]);
  for (const file of reached) {
    if (!source.test(file)) continue;
    for (const specifier of foreignImports(readTrusted(file), file)) {
      const found = importedFile(specifier, file);
      if (found?.startsWith(`${folder}/`)) {
        reached.add(found);
      } else if (found !== undefined) {
        throw new PluginError(
          `${file} imports ${specifier}, which is ${found}, and nobody has looked at that: put a copy into the folder, or bundle it into one file (bun build --target=bun)`,
        );
      } else if (open !== undefined) {
        throw new PluginError(
          `${file} imports ${specifier}, which is not there, and others could put it into ${open}: put it into the folder, or the folder elsewhere`,
        );
      }
    }
  }
}
