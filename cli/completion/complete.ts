/**
 * What completion scripts ask for: `albatross-client __complete WHAT WORD…` prints names that exist now, one per line.
 *
 * The words are those typed so far; of them only the options that say whom to ask matter. Nobody waits long for a
 * completion, and nobody wants to read an error in the middle of a line: on every failure nothing is printed.
 *
 * The word that is being completed is in the environment, for values of which only the end is completed.
 *
 * @module
 */

import { configFile, readRemotes } from "../../client/remotes.ts";
import { request } from "../../client/request.ts";
import { routeOf } from "../../client/sockets.ts";
import { ALL_REMOTES } from "../../client/values/remote-name.ts";
import { toDisplay } from "../../core/byte-string.ts";
import { Name } from "../../core/name.ts";
import type { Command, Message } from "../../core/wire/message.ts";
import type { CompletedNames } from "../command.ts";
import { addressOf, type DaemonValues } from "../exchange.ts";
import { modeOf } from "../mode.ts";
import { daemonOptions } from "../options/daemon.ts";
import { OutputClosedError, writeText } from "../output.ts";
import { parseArguments, takeApart } from "../parse.ts";
import { withRemote } from "../remotes/with-remote.ts";

/** How long a daemon is waited for, milliseconds. */
export const COMPLETION_PATIENCE_MS = 1_000;

/** Names that are offered at most. */
export const COMPLETIONS_MAX = 1_000;

/** The variable with the word that is being completed, as far as it was typed. */
export const WORD_VARIABLE = "ALBATROSS_WORD";

type Environment = Readonly<Record<string, string | undefined>>;

/** Prints the names. @returns 0, even if there are none */
export async function complete(args: readonly string[], environment: Environment): Promise<number> {
  const [what = "", ...words] = args;
  try {
    const names = (await namesOf(what, words, environment)).slice(0, COMPLETIONS_MAX);
    writeText(1, names.map((name) => `${name}\n`).join(""));
  } catch (error) {
    if (error instanceof OutputClosedError) throw error;
  }
  return 0;
}

async function namesOf(what: string, words: readonly string[], environment: Environment): Promise<readonly string[]> {
  switch (what as CompletedNames) {
    case "remotes":
      return [...readRemotes(configFile(environment)).keys()];
    case "all-remotes":
      return [...(await namesOf("remotes", words, environment)), ALL_REMOTES];
    case "unikernels":
    case "blocks":
    case "policies":
      return namesIn(await askQuickly(commands[what as keyof typeof commands], words, environment));
    case "bridges":
      return afterDevice(bridgesIn(await askQuickly(commands.policies, words, environment)), environment);
    case "devices":
      return afterDevice(labelsIn(await askQuickly(commands.blocks, words, environment)), environment);
    default:
      return [];
  }
}

const commands = {
  unikernels: { kind: "unikernel-info" },
  blocks: { kind: "block-info" },
  policies: { kind: "policy-info" },
} as const satisfies Readonly<Record<string, Command>>;

async function askQuickly(command: Command, words: readonly string[], environment: Environment): Promise<Message> {
  const values = connectionValues(words, environment);
  const signal = AbortSignal.timeout(COMPLETION_PATIENCE_MS);
  if (modeOf(values) === "local") {
    return await request(addressOf(values, routeOf(command).socket), Name.root, command, { signal });
  }
  const { askRemote } = await import("../remote.ts");
  const answer = await askRemote(values, Name.root, command, { signal });
  if (answer === undefined) throw new TypeError("The certificates would only be shown");
  return answer.reply;
}

/** The options that say whom to ask. */
const connectionKeys: ReadonlySet<string> = new Set([
  "socket",
  "temporaryDirectory",
  "destination",
  "remote",
  "ca",
  "caKey",
  "serverCa",
  "serverName",
  "serverKey",
] satisfies (keyof typeof daemonOptions)[]);

function connectionValues(words: readonly string[], environment: Environment): DaemonValues {
  const flags = new Set(
    Object.entries(daemonOptions).flatMap(([key, { flags }]) =>
      connectionKeys.has(key) ? [...flags] : [],
    ) as string[],
  );
  const kept = words.flatMap((word, at) => {
    const { flag, glued } = takeApart(word);
    if (!flags.has(flag)) return [];
    return glued === undefined ? words.slice(at, at + 2) : [word];
  });
  const definition = { name: "", summary: "", description: [], examples: [], arguments: {}, options: daemonOptions };
  const parsed = parseArguments(definition, kept);
  if (parsed.kind !== "run") throw new TypeError("These options ask for nothing");
  const { values } = parsed;
  return values.remote === undefined
    ? values
    : { ...values, ...withRemote({ ...values, remote: values.remote }, "", environment) };
}

function namesIn({ payload }: Message): readonly string[] {
  if (payload.kind !== "success") return [];
  const { success } = payload;
  switch (success.kind) {
    case "unikernels":
      return success.unikernels.map(({ name }) => typed(name));
    case "block-devices":
      return success.devices.map(({ name }) => typed(name));
    case "policies":
      return success.policies.map(({ name }) => name.path.join(":")).filter((path) => path !== "");
    default:
      return [];
  }
}

/** Shells expand what they are offered: a server could send a command in place of a bridge, and a pasted word have one. */
const plain = /^[A-Za-z0-9._-]+$/;

/** The bridges that policies allow; those of the root are all of the host. */
function bridgesIn({ payload }: Message): readonly string[] {
  const found = payload.kind === "success" && payload.success.kind === "policies" ? payload.success.policies : [];
  return found.flatMap(({ policy }) => policy.bridges.map(toDisplay)).filter((bridge) => plain.test(bridge));
}

/** Block devices as a unikernel beside them names them. */
function labelsIn({ payload }: Message): readonly string[] {
  const found = payload.kind === "success" && payload.success.kind === "block-devices" ? payload.success.devices : [];
  return found.map(({ name }) => name.text.slice(name.text.lastIndexOf(":") + 1));
}

/** The second half of `NAME:DEVICE` if the first was typed, else a word that is both. */
function afterDevice(names: readonly string[], environment: Environment): readonly string[] {
  const [first = "", ...more] = (environment[WORD_VARIABLE] ?? "").split(":");
  const sorted = [...new Set(names)].sort();
  if (more.length === 0) return sorted;
  return plain.test(first) ? sorted.map((name) => `${first}:${name}`) : [];
}

/** As it is typed: without the colon before a name at the root. */
function typed(name: Name): string {
  return name.text.replace(/^:/, "");
}
