/**
 * The user's configuration file: named destinations.
 *
 * `$XDG_CONFIG_HOME/albatross/config.json`, where `$XDG_CONFIG_HOME` is `~/.config` unless given:
 * `{"remotes": {"NAME": {"host", "port", "ca", "caKey", "serverCa", "serverName", "serverKey"}}}`. All but `host` may be
 * left out; files are relative to the directory of this one.
 *
 * @module
 */
import { statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { didYouMean } from "./alternatives.ts";
import { InputError } from "./errors.ts";
import { readLimited } from "./limited-file.ts";
import { plainStyle } from "./style.ts";
import { ValueError } from "./value-error.ts";
import { DEFAULT_PORT, parseDestination } from "./values/destination.ts";
import { parseDigest } from "./values/digest.ts";
import { ALL_REMOTES, parseRemoteName } from "./values/remote-name.ts";

/** The largest configuration that is read, bytes. */
export const CONFIG_BYTES_MAX = 1024 * 1024;

/** A host with an endpoint, and the files and checks for it: the values of the options of the same names. */
export interface Remote {
  readonly host: string;
  readonly port: number;
  readonly ca: string | undefined;
  readonly caKey: string | undefined;
  readonly serverCa: string | undefined;
  readonly serverName: string | undefined;
  readonly serverKey: string | undefined;
}

/** Recorded hosts by name, in the order of names. */
export type Remotes = ReadonlyMap<string, Remote>;

const remoteKeys = ["host", "port", "ca", "caKey", "serverCa", "serverName", "serverKey"] as const;

/** Where the configuration of the user is. */
export function configFile(environment: Readonly<Record<string, string | undefined>>): string {
  const given = environment["XDG_CONFIG_HOME"];
  // The specification of these directories has relative ones ignored.
  const base = given !== undefined && isAbsolute(given) ? given : join(environment["HOME"] || homedir(), ".config");
  return join(base, "albatross", "config.json");
}

/**
 * Reads the configuration; a missing file has no remotes.
 *
 * @throws {InputError} that names the place of what is wrong
 */
export function readRemotes(path: string): Remotes {
  let text: string;
  try {
    if (statSync(path, { throwIfNoEntry: false }) === undefined) return new Map();
    text = new TextDecoder().decode(readLimited(path, CONFIG_BYTES_MAX));
  } catch (cause) {
    throw new InputError("configuration", `Cannot read the configuration ${path}: ${(cause as Error).message}`, {
      cause,
    });
  }
  try {
    return parseConfig(text, dirname(path));
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    throw new InputError("configuration", `Cannot use the configuration ${path}: ${cause.message}. Correct it there`, {
      cause,
    });
  }
}

class ConfigError extends Error {
  override readonly name = "ConfigError";
}

function parseConfig(text: string, directory: string): Remotes {
  let whole: unknown;
  try {
    whole = JSON.parse(text);
  } catch (cause) {
    throw new ConfigError(`it is no JSON (${(cause as Error).message})`, { cause });
  }
  const { remotes = {} } = objectAt("the file", whole, ["remotes"]);
  const entries = Object.entries(objectAt("remotes", remotes)).map(([name, value]) => {
    const at = `remotes.${name}`;
    checked(at, () => parseRemoteName(name));
    if (name === ALL_REMOTES) throw new ConfigError(`${at}: the name stands for all remotes; take another one`);
    return [name, parseRemote(at, value, directory)] as const;
  });
  return new Map(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function parseRemote(at: string, value: unknown, directory: string): Remote {
  const { host, port = DEFAULT_PORT, ...rest } = objectAt(at, value, remoteKeys);
  if (typeof host !== "string") throw new ConfigError(`${at}.host: a host name or an IP address is needed`);
  if (typeof port !== "number") throw new ConfigError(`${at}.port: a number is expected, not ${JSON.stringify(port)}`);
  const destination = checked(at, () => parseDestination(`${host}:${port}`));
  if (destination === "-") throw new ConfigError(`${at}.host: - is no host`);
  const text = (key: Exclude<(typeof remoteKeys)[number], "host" | "port">): string | undefined => {
    const given = rest[key];
    if (given === undefined || (typeof given === "string" && given !== "")) return given;
    throw new ConfigError(`${at}.${key}: a text is expected, not ${JSON.stringify(given)}`);
  };
  const file = (key: "ca" | "caKey" | "serverCa") => {
    const given = text(key);
    return given === undefined ? undefined : resolve(directory, given);
  };
  const digest = text("serverKey");
  return {
    ...destination,
    ca: file("ca"),
    caKey: file("caKey"),
    serverCa: file("serverCa"),
    serverName: text("serverName"),
    serverKey: digest === undefined ? undefined : checked(`${at}.serverKey`, () => parseDigest(digest)),
  };
}

function objectAt(at: string, value: unknown, known?: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ConfigError(`${at}: an object is expected, not ${JSON.stringify(value)}`);
  }
  const strange = Object.keys(value).find((key) => known !== undefined && !known.includes(key));
  if (strange !== undefined) {
    const hint = didYouMean(strange, known ?? [], plainStyle);
    throw new ConfigError(`${at}: unknown key ${JSON.stringify(strange)}${hint === undefined ? "" : `. ${hint}`}`);
  }
  return value as Readonly<Record<string, unknown>>;
}

function checked<Value>(at: string, parse: () => Value): Value {
  try {
    return parse();
  } catch (cause) {
    if (!(cause instanceof ValueError)) throw cause;
    throw new ConfigError(`${at}: ${cause.message}`, { cause });
  }
}
