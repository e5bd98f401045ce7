/**
 * Values as JSON, the same for everything that prints JSON; the conventions are those of `cli/json.ts`.
 *
 * @module
 */
import { type ByteString, toBytes, toText } from "../byte-string.ts";
import type { Revision } from "../engine/revisions.ts";
import type { Int } from "../int.ts";
import type { Policy } from "../policy.ts";
import type { FailBehaviour, UnikernelArguments } from "../unikernel.ts";

/** A JSON value. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** A JSON object. */
export type JsonObject = { readonly [key: string]: Json };

/** An integer, exactly. */
export function jsonInt(value: Int): Json {
  return typeof value === "number" ? value : value.toString();
}

/** A byte string: text, or `{"hex": "…"}`. */
export function jsonBytes(value: ByteString): Json {
  return toText(value) ?? { hex: toBytes(value).toHex() };
}

/** RFC 3339 with milliseconds. */
export function jsonTime(milliseconds: number): Json {
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

/** `{"unikernels", "cpuIds", "memoryMb", "blockMb" (or null), "bridges"}`. */
export function jsonPolicy(policy: Policy): JsonObject {
  return {
    unikernels: jsonInt(policy.unikernels),
    cpuIds: policy.cpuIds.map(jsonInt),
    memoryMb: jsonInt(policy.memory),
    blockMb: policy.block === undefined ? null : jsonInt(policy.block),
    bridges: policy.bridges.map(jsonBytes),
  };
}

/** `{"action": "quit"}` or `{"action": "restart", "exitCodes"}`, where an empty list means all but 1. */
export function jsonFailBehaviour(behaviour: FailBehaviour): JsonObject {
  if (behaviour.kind === "quit") return { action: "quit" };
  return { action: "restart", exitCodes: behaviour.exitCodes.map(jsonInt) };
}

/** A configuration but for type and image: `null` is what was not given. */
export function jsonArguments(given: UnikernelArguments): JsonObject {
  return {
    onFailure: jsonFailBehaviour(given.failBehaviour),
    startup: given.startup === undefined ? null : jsonInt(given.startup),
    addName: given.addName,
    cpuIds: given.cpuIds.map(jsonInt),
    memoryMb: jsonInt(given.memory),
    blocks: given.blockDevices.map(({ name, device, sectorSize }) => ({
      name: jsonBytes(name),
      device: device === undefined ? null : jsonBytes(device),
      sectorSize: sectorSize === undefined ? null : jsonInt(sectorSize),
    })),
    networks: given.networks.map(({ name, bridge, mac }) => ({
      name: jsonBytes(name),
      bridge: bridge === undefined ? null : jsonBytes(bridge),
      mac: mac ?? null,
    })),
    arguments: given.arguments === undefined ? null : given.arguments.map(jsonBytes),
    cpus: jsonInt(given.cpus),
    linuxBootPartition: given.linuxBootPartition === undefined ? null : jsonBytes(given.linuxBootPartition),
  };
}

/** A revision; `digest` and `imageBytes` are null for what has no image. */
export function jsonRevision({ number, at, command, spec }: Revision): JsonObject {
  return {
    revision: number,
    time: jsonTime(at),
    command,
    type: spec.type,
    digest: spec.image?.sha256 ?? null,
    imageBytes: spec.image?.size ?? null,
    ...jsonArguments(spec.arguments),
  };
}
