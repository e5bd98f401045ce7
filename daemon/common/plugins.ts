/**
 * The plugins of a daemon: those of its command line, and those of the configuration file.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { type Attached, NOTHING_ATTACHED } from "../../plugins/attached.ts";
import type { LoadedPlugin, PluginSource } from "../../plugins/load.ts";
import type { PluginKind } from "../../plugins/plugin.ts";
import { SETTINGS_FILE } from "../../plugins/settings-file.ts";
import type { Flag } from "./flags.ts";
import type { Log } from "./log.ts";

/** `--plugin`: may be repeated. */
export const pluginFlag: Flag<readonly string[]> = {
  names: ["--plugin"],
  placeholder: "FILE",
  help: `Attach this plugin, a file or the folder of a package, besides those that ${SETTINGS_FILE} names. May be repeated.`,
  repeatable: true,
  read: (values) => values,
};

/** The plugins of a running daemon. */
export interface DaemonPlugins {
  readonly attached: Attached;
  /** The daemon ends. */
  close(): Promise<void>;
}

/** A daemon and what it uses of plugins. */
export interface PluginUser {
  readonly program: string;
  readonly kinds: readonly PluginKind[];
  readonly log: Log;
  /** What is to be done about an exception that nobody catches and that is no plugin's. */
  readonly failed: (thrown: unknown) => void;
}

/**
 * Loads the plugins of a daemon. What is wrong with them is logged; the daemon goes on without.
 *
 * @param files the values of {@link pluginFlag}
 */
export async function startPlugins(files: readonly string[], user: PluginUser): Promise<DaemonPlugins> {
  if (files.length === 0 && !existsSync(SETTINGS_FILE)) {
    return { attached: NOTHING_ATTACHED, close: async () => undefined };
  }
  const { program, kinds, log, failed } = user;
  const { readSettings } = await import("../../plugins/settings.ts");
  const { attachPlugins } = await import("../../plugins/attach.ts");
  const { surviveFaults } = await import("../../plugins/faults.ts");
  const sources: PluginSource[] = files.map((file) => ({ file, options: {} }));
  try {
    sources.push(...readSettings(SETTINGS_FILE, program));
  } catch (error) {
    log.error(error instanceof Error ? error.message : String(error));
  }
  const loaded: LoadedPlugin[] = [];
  const endSurvival = surviveFaults(loaded, log, failed); // from the first one on
  const attached = await attachPlugins(sources, {
    daemon: program,
    kinds,
    log,
    loaded: (plugin) => loaded.push(plugin),
  });
  return {
    attached,
    async close() {
      await Promise.all(attached.reporters.map((reporter) => reporter.close()));
      endSurvival();
    },
  };
}
