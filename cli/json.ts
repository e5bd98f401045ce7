/**
 * The results of commands as JSON: the schema of `--json`.
 *
 * Every command prints one object on one line; `console` and `stats` print one for the reply and one for each line or
 * sample. Objects are told apart by `kind`. Fields may be added in later versions; the ones described here keep name, type and meaning.
 *
 * - Names are in printed form: `:` root, `foo:` path, `foo:hello`, `:hello` at the root.
 * - Integers are numbers, or decimal strings beyond ±(2^53 − 1).
 * - Byte strings are strings, or `{"hex": "…"}` if they are not UTF-8.
 * - Times are RFC 3339 in UTC with milliseconds, as `2026-11-21T21:11:16.000Z`.
 * - What is absent is `null`.
 *
 * The kinds and their fields are described in `schemas/output.schema.json`, which the tests hold against what every
 * sub-command really prints.
 *
 * `watch` is null if the unikernel was not watched, else `{"state", "exitStatus", "seconds", "lines"}` (`watch.ts`).
 * From remote hosts, `watch` and `status` are always null.
 * The `code` of an error is connect, protocol, aborted, certificate-refused, server-not-authenticated, chain, leaf,
 * policy, image, dump, http or file.
 * Errors in the form of the command line are reported on standard error as text, as without `--json`.
 *
 * @module
 */
import { fromBytes } from "../core/byte-string.ts";
import { eventToJson } from "../core/log/json.ts";
import {
  type Json,
  type JsonObject,
  jsonBytes,
  jsonFailBehaviour,
  jsonInt,
  jsonPolicy,
  jsonTime,
} from "../core/print/json.ts";
import type { UnikernelInfo } from "../core/unikernel.ts";
import type { Message, Success } from "../core/wire/message.ts";

export { type Json, type JsonObject, jsonBytes, jsonInt, jsonPolicy, jsonTime };

/** A reply, or a line of a console, as its object. */
export function jsonMessage(message: Message): JsonObject {
  const host = message.header.name.text;
  const { payload } = message;
  switch (payload.kind) {
    case "failure":
      return { kind: "failure", host, text: jsonBytes(payload.text) };
    case "success":
      return jsonSuccess(host, payload.success);
    case "data":
      if (payload.data.kind === "console") {
        const { timestamp, line } = payload.data;
        return { kind: "console", host, time: jsonTime(timestamp), line: jsonBytes(fromBytes(line)) };
      }
      if (payload.data.kind === "log") return eventToJson(payload.data, null);
      return { kind: payload.data.kind, host };
    case "command":
      return { kind: "command", host, command: payload.command.kind };
  }
}

function jsonSuccess(host: string, success: Success): JsonObject {
  switch (success.kind) {
    case "empty":
      return { kind: "success", host, text: null };
    case "string":
      return { kind: "success", host, text: jsonBytes(success.text) };
    case "policies":
      return {
        kind: "policies",
        host,
        policies: success.policies.map(({ name, policy }) => ({ name: name.text, ...jsonPolicy(policy) })),
      };
    case "block-devices":
      return {
        kind: "blocks",
        host,
        blocks: success.devices.map(({ name, size, active }) => ({ name: name.text, sizeMb: jsonInt(size), active })),
      };
    case "consoles":
      return { kind: "consoles", host, consoles: success.names.map((name) => name.text) };
    case "unikernels":
    case "unikernels-old":
      return {
        kind: "unikernels",
        host,
        unikernels: success.unikernels.map(({ name, info }) => ({ name: name.text, ...jsonUnikernel(info) })),
      };
    case "unikernel-image":
    case "old-block-device-image":
      return { kind: "image", host, compressed: success.compressed, bytes: success.image.length };
    case "block-device-image":
      return { kind: "block-image", host, compressed: success.compressed };
  }
}

/** Bytes of a SHA-256. */
const DIGEST_LENGTH = 32;

/** A running unikernel; `digest` is null for machines without image (BHyve), whose name is `vmName`. */
export function jsonUnikernel(info: UnikernelInfo): JsonObject {
  const image = info.type !== "bhyve" && info.digest.length === DIGEST_LENGTH;
  return {
    type: info.type,
    started: jsonTime(info.started),
    onFailure: jsonFailBehaviour(info.failBehaviour),
    startup: info.startup === undefined ? null : jsonInt(info.startup),
    cpuIds: info.cpuIds.map(jsonInt),
    memoryMb: jsonInt(info.memory),
    blocks: info.blockDevices.map(({ name, device, sectorSize, size }) => ({
      name: jsonBytes(name),
      device: jsonBytes(device),
      sectorSize: jsonInt(sectorSize),
      sizeMb: jsonInt(size),
    })),
    networks: info.networks.map(({ name, bridge, mac }) => ({ name: jsonBytes(name), bridge: jsonBytes(bridge), mac })),
    digest: image ? info.digest.toHex() : null,
    vmName: image ? null : jsonBytes(fromBytes(info.digest)),
    arguments: info.arguments === undefined ? null : info.arguments.map(jsonBytes),
    cpus: jsonInt(info.cpus),
    linuxBootPartition: info.linuxBootPartition === undefined ? null : jsonBytes(info.linuxBootPartition),
  };
}
