/**
 * Loading plugins from files and packages.
 *
 * @module
 */
import { lstatSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { startProcess } from "../backends/start-process.ts";
import { readTrusted, requireTrustedTree, trustedPath } from "../host/trusted-file.ts";
import { foreignImports } from "../runtime/module-imports.ts";
import { disableTranspilerCache } from "../runtime/transpiler-cache.ts";
import { Guard, PluginFault, thrownText } from "./guard.ts";
import { requireOwnImports } from "./own-imports.ts";
import { LOAD_TIMEOUT_MS, type Plugin, type PluginContext, type PluginLog } from "./plugin.ts";
import { checkPlugin, PluginError } from "./validate.ts";

/** Where a plugin comes from. */
export interface PluginSource {
  /** A file, or the folder of a package. */
  readonly file: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** A plugin that was loaded. */
export interface LoadedPlugin {
  readonly plugin: Plugin;
  readonly guard: Guard;
  /** The path of its file or package, without symbolic links. */
  readonly path: string;
}

/** The module of a package, as its `package.json` names it. @throws {PluginError} */
function entryOf(folder: string): string {
  const manifest: unknown = JSON.parse(readTrusted(join(folder, "package.json")).toString());
  const member = (value: unknown, key: string): unknown =>
    typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
  const exported = member(manifest, "exports");
  const candidates = [member(exported, ".") ?? exported, member(manifest, "main"), "index.js"].flatMap((found) => [
    found,
    member(found, "import"),
    member(found, "default"),
  ]);
  const entry = candidates.find((candidate) => typeof candidate === "string");
  const path = trustedPath(join(folder, String(entry)));
  if (path.startsWith(`${folder}/`)) return path;
  throw new PluginError(`its package.json names ${path}, which is not in it`);
}

/** What is to be imported, once it is known that nobody else can have written it. */
function trustedEntry(path: string): string {
  if (lstatSync(path).isDirectory()) {
    requireTrustedTree(path);
    const entry = entryOf(path);
    requireOwnImports(path, entry);
    return entry;
  }
  const [other] = foreignImports(readTrusted(path), path);
  if (other === undefined) return path;
  throw new PluginError(
    `it imports ${other}, which nobody has looked at: bundle it into one file (bun build --target=bun), or give the folder of a package`,
  );
}

/**
 * Looks at the file or package of a plugin, without running anything of it.
 *
 * @throws an error with the reason if it would not be loaded: it is not there, or others could have written it
 */
export function checkPluginFile(file: string): void {
  trustedEntry(trustedPath(file));
}

/** A log with something in front of every line. */
function prefixed(log: PluginLog, prefix: () => string): PluginLog {
  return {
    error: (text) => log.error(`${prefix()}: ${text}`),
    warning: (text) => log.warning(`${prefix()}: ${text}`),
    info: (text) => log.info(`${prefix()}: ${text}`),
    debug: (text) => log.debug(`${prefix()}: ${text}`),
  };
}

/**
 * Loads a plugin.
 *
 * @param daemon the daemon that it is for
 * @throws {PluginError} whatever is wrong with it, with what can be done
 */
export async function loadPlugin(source: PluginSource, daemon: string, log: PluginLog): Promise<LoadedPlugin> {
  const { file, options } = source;
  let name: string | undefined;
  const ownLog = prefixed(log, () => `plugin ${name ?? file}`);
  try {
    const path = trustedPath(file);
    const entry = trustedEntry(path);
    const context: PluginContext = {
      daemon,
      options,
      log: ownLog,
      startProcess: (commandLine, request) => startProcess(commandLine, request, process.env["PATH"] ?? ""),
    };
    disableTranspilerCache();
    const make = async (): Promise<unknown> => {
      const exported: unknown = ((await import(pathToFileURL(entry).href)) as { readonly default?: unknown }).default;
      return typeof exported === "function" ? await exported(context) : exported;
    };
    const loading = new Guard(file, ownLog);
    const plugin = checkPlugin(await loading.settle("load", make, { limit: LOAD_TIMEOUT_MS }));
    name = plugin.name;
    return { plugin, guard: new Guard(name, ownLog), path };
  } catch (error) {
    const cause = error instanceof PluginFault ? (error.cause ?? error) : error; // whose text names it already
    throw new PluginError(`Cannot load the plugin ${file}: ${thrownText(cause)}`, { cause });
  }
}
