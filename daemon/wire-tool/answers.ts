/**
 * What the wire tool answers to one line of input, per kind.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { type ByteString, fromText } from "../../core/byte-string.ts";
import { deriveMac } from "../../core/mac.ts";
import { isLabel, type Label, type Name, NameError, parseLabel, parseName, parsePath } from "../../core/name.ts";
import { blockFile, fifoFile, imageFile } from "../../core/paths.ts";
import { fitsPolicy, isSmaller, usable } from "../../core/policy-check.ts";
import { printMessage } from "../../core/print/message.ts";
import { printPolicy } from "../../core/print/policy.ts";
import { parseProcessEnd, shouldRestart } from "../../core/restart.ts";
import { decodeExtension, encodeExtension } from "../../core/wire/extension.ts";
import { decodeMessage, encodeMessage } from "../../core/wire/message-codec.ts";
import { decodeState, encodeState } from "../../core/wire/state.ts";
import { commandFromJson } from "./command-from-json.ts";
import { commandToJson } from "./command-to-json.ts";
import { JsonError, JsonReader } from "./json-reader.ts";
import { type Json, textToJson, toHex } from "./json-values.ts";
import { messageFromJson } from "./message-from-json.ts";
import { headerToJson, payloadToJson } from "./message-to-json.ts";
import { failBehaviourFromJson, networksFromJson, policyFromJson } from "./unikernel-from-json.ts";
import { configToJson, policyToJson } from "./unikernel-to-json.ts";

/** Columns of the wrapped forms. */
const COLUMNS = 80;

/** A message: header, value, the present encoding, and the printed forms. */
export function answerMessage(bytes: Uint8Array): Json {
  const message = decodeMessage(bytes);
  const printed = (verbose: boolean, columns: number) =>
    textToJson(printMessage(message, { verbose, columns, boxed: false }));
  return {
    header: headerToJson(message.header),
    value: payloadToJson(message.payload),
    reencoded: toHex(encodeMessage(message)),
    pretty: printed(false, COLUMNS),
    pretty_verbose: printed(true, COLUMNS),
    pretty_nowrap: printed(true, Number.POSITIVE_INFINITY),
  };
}

/** The content of a certificate extension. */
export function answerExtension(bytes: Uint8Array): Json {
  const command = decodeExtension(bytes);
  return { value: commandToJson(command), reencoded: toHex(encodeExtension(command)) };
}

/** A state file. */
export function answerState(bytes: Uint8Array): Json {
  const state = decodeState(bytes);
  return {
    unikernels: state.unikernels.map(({ name, value }) => [name.text, configToJson(value)]),
    policies: state.policies.map(({ name, value }) => [name.text, policyToJson(value)]),
    reencoded: toHex(encodeState(state)),
  };
}

/** The original's directories on Linux, for the derived file names. */
const TEMPORARY_DIRECTORY = "/run/albatross";
const DATABASE_DIRECTORY = "/var/lib/albatross";

function md5(bytes: Uint8Array): Uint8Array {
  return createHash("md5").update(bytes).digest();
}

function attempt(parse: () => { readonly [key: string]: Json }): Json {
  try {
    return parse();
  } catch (error) {
    if (error instanceof NameError) return { error: error.message };
    throw error;
  }
}

function describeName(name: Name): { readonly [key: string]: Json } {
  return {
    ok: name.text,
    pp: name.toDisplay(),
    path: name.path.join(":"),
    label: name.label ?? null,
    list: name.labels,
    is_root: name.key === "",
    image_file: imageFile(TEMPORARY_DIRECTORY, name),
    fifo_file: fifoFile(TEMPORARY_DIRECTORY, name),
    block_file: blockFile(DATABASE_DIRECTORY, name),
    block_name_data: name.sibling("data" as Label).text,
    mac_service: deriveMac("service" as ByteString, name, md5),
    mac_default: deriveMac("default" as ByteString, name, md5),
  };
}

/** The printed name that a list of labels makes. Unlike parsing, this does not fold them to lower case. */
function nameOfList(labels: readonly string[]): string {
  if (!labels.every(isLabel)) throw new NameError("invalid name");
  return `${labels.slice(0, -1).join(":")}:${labels.at(-1) ?? ""}`;
}

/**
 * A name, read as a name, as a path and as a label. The line is the text itself; a JSON string stands for its content,
 * and a JSON array for a list of labels.
 */
export function answerName(line: string): Json {
  if (line.startsWith("[")) {
    const labels = JsonReader.parse(line)
      .list()
      .map((label) => label.string());
    return { input: labels, result: attempt(() => ({ ok: nameOfList(labels) })) };
  }
  const input = line.startsWith('"') ? JsonReader.parse(line).string() : line;
  // Names are bytes on the wire, so that is how they are checked.
  const bytes = fromText(input);
  return {
    input,
    name: attempt(() => describeName(parseName(bytes))),
    path: attempt(() => ({ ok: parsePath(bytes).path.join(":") })),
    label: attempt(() => ({ ok: parseLabel(bytes) })),
  };
}

function verdict(refusal: string | undefined): Json {
  return refusal === undefined ? { ok: true } : { error: refusal };
}

/**
 * Policies: `{"super", "sub"}` compares two, `{"policy", "cpuids", "memory", "bridges"}` asks whether a unikernel fits,
 * `{"policy"}` whether anybody could use it.
 */
export function answerPolicy(line: string): Json {
  const json = JsonReader.parse(line);
  if (json.has("super")) {
    return { result: verdict(isSmaller(policyFromJson(json.get("super")), policyFromJson(json.get("sub")))) };
  }
  const policy = policyFromJson(json.get("policy"));
  if (!json.has("cpuids")) return { pretty: textToJson(printPolicy(policy)), usable: verdict(usable(policy)) };
  const cpuIds = json
    .get("cpuids")
    .list()
    .map((one) => one.int());
  const networks = networksFromJson(json.get("bridges"));
  return { result: verdict(fitsPolicy(policy, { cpuIds, memory: json.get("memory").int(), networks })) };
}

/** `{"fail_behaviour", "exit"}`: whether a unikernel is started again. */
export function answerRestart(line: string): Json {
  const json = JsonReader.parse(line);
  const text = json.get("exit").string();
  const end = parseProcessEnd(text);
  if (end === undefined) throw new JsonError(`${text} is no way for a process to end`);
  const given = json.get("fail_behaviour");
  // An empty list restarts on none of the exit codes. The protocol cannot carry it: on the wire the empty set means any.
  const none = given.has("restart") && given.get("restart").optional((codes) => codes.list().length) === 0;
  return { should_restart: shouldRestart(end, none ? { kind: "quit" } : failBehaviourFromJson(given)) };
}

/** Encodes: a message given as `{"header", "value"}`, or an extension given as `{"value"}` with a command. */
export function answerEncode(line: string): Json {
  const json = JsonReader.parse(line);
  return {
    hex: json.has("header")
      ? toHex(encodeMessage(messageFromJson(json)))
      : toHex(encodeExtension(commandFromJson(json.get("value")))),
  };
}
