/**
 * Whether what a plugin's file exports is a plugin.
 *
 * @module
 */
import { BACKEND_INTERFACE_VERSION } from "../backends/backend.ts";
import { COLLECTOR_INTERFACE_VERSION } from "../backends/collector.ts";
import { isBackendType, parseUnikernelType, TYPE_RULE } from "../core/unikernel-type.ts";
import { PLUGIN_API_VERSION, type Plugin, type PluginKind } from "./plugin.ts";

/** Something that is no plugin for this program. `message` says why. */
export class PluginError extends Error {
  override readonly name = "PluginError";
}

/** What everything of a kind must have: methods, and the version of its interface if it has one. */
const rules: { readonly [Kind in PluginKind]: { readonly methods: readonly string[]; readonly version?: number } } = {
  backends: { methods: ["handles", "check"], version: BACKEND_INTERFACE_VERSION },
  collectors: { methods: ["open"], version: COLLECTOR_INTERFACE_VERSION },
  reporters: { methods: ["report"] },
  eventSinks: { methods: ["write", "close"] },
  transports: { methods: ["listen"] },
};

/** All kinds of things that plugins add. */
export const pluginKinds = Object.keys(rules) as readonly PluginKind[];

/** The members of an object, or of a function that serves as one. @throws {PluginError} */
function membersOf(value: unknown, what: string): (key: string) => unknown {
  if (typeof value !== "object" || value === null) throw new PluginError(`${what} is no object`);
  return (key) => (value as Record<string, unknown>)[key];
}

function requireVersion(what: string, found: unknown, wanted: number): void {
  if (found === wanted) return;
  const has = found === undefined ? "has no version" : `is for version ${String(found)}`;
  throw new PluginError(
    `${what} ${has} of the interface, this program has version ${wanted}. Use a plugin for this version`,
  );
}

/** Names of plugins, and of what they add. @throws {PluginError} */
function requireName(what: string, name: unknown): string {
  const type = typeof name === "string" ? parseUnikernelType(name) : undefined;
  if (type !== undefined && isBackendType(type)) return type;
  throw new PluginError(`${what} has no usable name: it has to be ${TYPE_RULE}, and neither solo5 nor bhyve`);
}

function checkItem(kind: PluginKind, at: number, value: unknown): void {
  const what = `number ${at + 1} of its ${kind}`;
  const member = membersOf(value, what);
  requireName(what, member("name"));
  const { methods, version } = rules[kind];
  if (version !== undefined) requireVersion(what, member("interfaceVersion"), version);
  for (const method of methods) {
    if (typeof member(method) !== "function") throw new PluginError(`${what} has no function ${method}`);
  }
}

/** The plugin, as it is now: it is not asked again. @throws {PluginError} if it is none for this program */
export function checkPlugin(value: unknown): Plugin {
  const member = membersOf(value, "its default export (or what that makes)");
  requireVersion("it", member("apiVersion"), PLUGIN_API_VERSION);
  const name = requireName("it", member("name"));
  const added: { [Kind in PluginKind]?: readonly unknown[] } = {};
  for (const kind of pluginKinds) {
    const items = member(kind);
    if (items === undefined) continue;
    if (!Array.isArray(items)) throw new PluginError(`its ${kind} are no list`);
    for (const [at, item] of items.entries()) checkItem(kind, at, item);
    if (items.length > 0) added[kind] = [...items];
  }
  if (Object.keys(added).length === 0)
    throw new PluginError(`it adds nothing: it has none of ${pluginKinds.join(", ")}`);
  return { apiVersion: PLUGIN_API_VERSION, name, ...added } as Plugin;
}
