/**
 * Attaches plugins to a daemon: loads them, and gives what they add, guarded.
 *
 * @module
 */
import type { Attached } from "./attached.ts";
import { builtinNames } from "./builtin.ts";
import { thrownText } from "./guard.ts";
import { guardBackend } from "./guard-backend.ts";
import { guardCollectorSource } from "./guard-collector.ts";
import { guardEventSink } from "./guard-event-sink.ts";
import { GuardedReporter } from "./guard-reporter.ts";
import { guardTransport } from "./guard-transport.ts";
import { type LoadedPlugin, loadPlugin, type PluginSource } from "./load.ts";
import type { Plugin, PluginKind, PluginLog } from "./plugin.ts";
import { PluginError, pluginKinds } from "./validate.ts";

/** Plugins of one daemon. */
export const PLUGINS_MAX = 32;

/** The names of what a plugin adds, and its own. */
function namesOf(plugin: Plugin): readonly string[] {
  const added = pluginKinds.flatMap((kind) => (plugin[kind] ?? []).map((item) => `${kind}/${item.name}`));
  return [`plugins/${plugin.name}`, ...added];
}

function requireNewNames(plugin: Plugin, taken: ReadonlySet<string>): void {
  const names = namesOf(plugin);
  const own = names.find((name) => builtinNames.includes(name.replace(/.*\//, "")));
  const double = own ?? names.find((name, at) => taken.has(name) || names.indexOf(name) !== at);
  if (double === undefined) return;
  const [kind, name] = double.split("/");
  throw new PluginError(`there is ${name} among the ${kind} already. Leave one of them out`);
}

/** A daemon that plugins are attached to. */
export interface AttachOptions {
  readonly daemon: string;
  /** What it has a use for. */
  readonly kinds: readonly PluginKind[];
  readonly log: PluginLog;
  /** Told of each plugin as soon as it is there. */
  readonly loaded: (plugin: LoadedPlugin) => void;
}

/** Loads the plugins of a daemon; gives what they add. */
export async function attachPlugins(
  sources: readonly PluginSource[],
  { daemon, kinds, log, loaded: tell }: AttachOptions,
): Promise<Attached> {
  const loaded: LoadedPlugin[] = [];
  const taken = new Set<string>();
  for (const { file } of sources.slice(PLUGINS_MAX)) {
    log.error(`Cannot load the plugin ${file}: there are ${PLUGINS_MAX} already`);
  }
  for (const source of sources.slice(0, PLUGINS_MAX)) {
    try {
      const one = await loadPlugin(source, daemon, log);
      requireNewNames(one.plugin, taken);
      for (const name of namesOf(one.plugin)) taken.add(name);
      loaded.push(one);
      tell(one);
      const used = kinds.filter((kind) => one.plugin[kind] !== undefined);
      if (used.length === 0) log.warning(`the plugin ${one.plugin.name} (${one.path}) adds nothing to ${daemon}`);
      else log.info(`loaded the plugin ${one.plugin.name} (${one.path}): ${used.join(", ")}`);
    } catch (error) {
      log.error(thrownText(error));
    }
  }
  return {
    backends: loaded.flatMap(({ plugin, guard }) => (plugin.backends ?? []).map((one) => guardBackend(guard, one))),
    collectors: loaded.flatMap(({ plugin, guard }) =>
      (plugin.collectors ?? []).map((one) => guardCollectorSource(guard, one)),
    ),
    reporters: loaded.flatMap(({ plugin, guard }) =>
      (plugin.reporters ?? []).map((one) => new GuardedReporter(guard, one)),
    ),
    eventSinks: loaded.flatMap(({ plugin, guard }) =>
      (plugin.eventSinks ?? []).map((one) => guardEventSink(guard, one)),
    ),
    transports: loaded.flatMap(({ plugin, guard }) =>
      (plugin.transports ?? []).map((one) => guardTransport(guard, one)),
    ),
  };
}
