/**
 * The file that names the plugins of each daemon:
 *
 * ```json
 * {
 *   "albatrossd": [{ "file": "/usr/lib/albatross/plugins/qemu.js", "options": { "accelerator": "tcg" } }],
 *   "albatross-stats": [{ "file": "/usr/lib/albatross/plugins/csv" }]
 * }
 * ```
 *
 * @module
 */
import { readTrusted, trustedPath } from "../host/trusted-file.ts";
import type { PluginSource } from "./load.ts";

/** The daemons that take plugins. */
export const pluginUsers: readonly string[] = [
  "albatrossd",
  "albatross-console",
  "albatross-stats",
  "albatross-influx",
  "albatross-log",
  "albatross-tls-endpoint",
];

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function sourceOf(value: unknown, where: string): PluginSource {
  if (!isObject(value)) throw new Error(`${where} is no object`);
  const { file, options = {}, ...others } = value;
  const [other] = Object.keys(others);
  if (other !== undefined) throw new Error(`${where} has an unknown ${other}: there are file and options`);
  if (typeof file !== "string" || !file.startsWith("/")) throw new Error(`${where} has no absolute path as file`);
  if (!isObject(options)) throw new Error(`the options of ${where} are no object`);
  return { file, options };
}

/** The plugins of one daemon. @throws if the text is not of the form above */
export function parseSettings(text: string, daemon: string): readonly PluginSource[] {
  const settings: unknown = JSON.parse(text);
  if (!isObject(settings)) throw new Error("it is no object");
  const unknown = Object.keys(settings).find((name) => !pluginUsers.includes(name));
  if (unknown !== undefined) throw new Error(`${unknown} is no daemon: there are ${pluginUsers.join(", ")}`);
  const own = settings[daemon] ?? [];
  if (!Array.isArray(own)) throw new Error(`${daemon} is no list`);
  return own.map((value: unknown, at) => sourceOf(value, `number ${at + 1} of ${daemon}`));
}

/**
 * Reads the file.
 *
 * @returns none if there is no such file
 * @throws if others could have written it, or if it is not of the form above
 */
export function readSettings(file: string, daemon: string): readonly PluginSource[] {
  try {
    return parseSettings(readTrusted(trustedPath(file)).toString(), daemon);
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return [];
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`Cannot take the plugins of ${file}: ${reason}. None of them is loaded`, { cause });
  }
}
