/**
 * What plugins throw or reject where nobody calls them: in their timers, and in promises that nobody waits for.
 *
 * @module
 */
import { pluginInCharge, thrownText } from "./guard.ts";
import type { LoadedPlugin } from "./load.ts";
import type { PluginLog } from "./plugin.ts";

/** Frames of a stack that tell whose code it was: every file but the runtime's own. */
const frame = /(?:\(|at |@)(\/[^\s()]+):\d+:\d+/g;

/**
 * Whose fault it is: a plugin's name, "unknown" if only the runtime itself was there, or `undefined` if it is ours.
 */
export function faultOf(thrown: unknown, loaded: readonly LoadedPlugin[]): string | undefined {
  const inCharge = pluginInCharge();
  if (inCharge !== undefined) return inCharge;
  const stack = thrown instanceof Error ? (thrown.stack ?? "") : "";
  const files = [...stack.matchAll(frame)].map(([, file = ""]) => file);
  const guilty = loaded.find(({ path }) => files.some((file) => file === path || file.startsWith(`${path}/`)));
  if (guilty !== undefined) return guilty.plugin.name;
  return files.length === 0 ? "unknown" : undefined;
}

/**
 * Survives them.
 *
 * @param own what is to be done about faults of the daemon itself, which is not to go on then
 * @returns what ends this again
 */
export function surviveFaults(
  loaded: readonly LoadedPlugin[],
  log: PluginLog,
  own: (thrown: unknown) => void,
): () => void {
  const report = (what: string, thrown: unknown) => {
    const fault = faultOf(thrown, loaded);
    if (fault === undefined) return own(thrown);
    const names = loaded.map(({ plugin }) => plugin.name);
    const who = fault === "unknown" ? `one of the plugins ${names.join(", ")}` : `plugin ${fault}`;
    log.error(`${who}: ${what}: ${thrownText(thrown)}`);
  };
  const rejected = (reason: unknown) => report("a rejection that nobody waits for", reason);
  const thrown = (error: unknown) => report("an exception that nobody catches", error);
  process.on("unhandledRejection", rejected);
  process.on("uncaughtException", thrown);
  return () => {
    process.off("unhandledRejection", rejected);
    process.off("uncaughtException", thrown);
  };
}
