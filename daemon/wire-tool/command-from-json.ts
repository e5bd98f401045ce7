/**
 * Commands from JSON.
 *
 * @module
 */
import { parseCursor } from "../../core/log/cursor.ts";
import type {
  BlockCommand,
  Command,
  ConsoleCommand,
  LogCommand,
  PolicyCommand,
  StatisticsCommand,
  UnikernelCommand,
} from "../../core/wire/message.ts";
import { JsonError, type JsonReader } from "./json-reader.ts";
import { argumentsFromJson, configFromJson, policyFromJson, timeFromJson } from "./unikernel-from-json.ts";

/** A command: an object with the group as its only key. */
export function commandFromJson(json: JsonReader): Command {
  const [group, content] = json.only();
  const [key, value] = content.only();
  const read = groups.get(group)?.get(key);
  if (read === undefined) throw new JsonError(`${group} ${key} is no command`);
  return read(value);
}

type Read<T> = (json: JsonReader) => T;

const consoles = new Map<string, Read<ConsoleCommand>>([
  ["add", (json) => ({ kind: "console-add", limit: json.int() })],
  [
    "subscribe",
    (json) => ({
      kind: "console-subscribe",
      from: json.has("since") ? { since: timeFromJson(json.get("since")) } : { count: json.get("count").int() },
    }),
  ],
  ["list_inactive", () => ({ kind: "console-inactive" })],
]);

const statistics = new Map<string, Read<StatisticsCommand>>([
  [
    "add",
    (json) => ({
      kind: "statistics-add",
      device: json.get("vmmdev").text(),
      pid: json.get("pid").int(),
      networks: json
        .get("taps")
        .list()
        .map((one) => {
          const [device, tap] = one.list();
          if (device === undefined || tap === undefined) throw new JsonError("a tap needs a device and a name");
          return { device: device.text(), tap: tap.text() };
        }),
    }),
  ],
  ["remove", () => ({ kind: "statistics-remove" })],
  ["subscribe", () => ({ kind: "statistics-subscribe" })],
  ["initial", () => ({ kind: "statistics-initial" })],
]);

const logs = new Map<string, Read<LogCommand>>([
  [
    "subscribe",
    (json) => {
      if (json.has("since")) return { kind: "log-subscribe", from: { since: timeFromJson(json.get("since")) } };
      if (json.has("count")) return { kind: "log-subscribe", from: { count: json.get("count").int() } };
      const cursor = parseCursor(json.get("cursor").string());
      if (cursor === undefined) throw new JsonError("a cursor is 16 hex digits, a point and a number");
      return { kind: "log-subscribe", from: { cursor } };
    },
  ],
]);

const unikernels = new Map<string, Read<UnikernelCommand>>([
  ["info", () => ({ kind: "unikernel-info" })],
  ["old_info4", () => ({ kind: "unikernel-info-old", generation: 4 })],
  ["old_info5", () => ({ kind: "unikernel-info-old", generation: 5 })],
  ["create", (json) => ({ kind: "unikernel-create", config: configFromJson(json) })],
  ["force_create", (json) => ({ kind: "unikernel-force-create", config: configFromJson(json) })],
  ["restart", (json) => ({ kind: "unikernel-restart", arguments: json.optional(argumentsFromJson) })],
  ["destroy", () => ({ kind: "unikernel-destroy" })],
  ["get", (json) => ({ kind: "unikernel-get", level: json.int() })],
  ["revisions", (json) => ({ kind: "unikernel-revisions", count: json.int() })],
  ["rollback", (json) => ({ kind: "unikernel-rollback", revision: json.int() })],
]);

const policies = new Map<string, Read<PolicyCommand>>([
  ["info", () => ({ kind: "policy-info" })],
  ["add", (json) => ({ kind: "policy-add", policy: policyFromJson(json) })],
  ["remove", () => ({ kind: "policy-remove" })],
]);

const blocks = new Map<string, Read<BlockCommand>>([
  ["info", () => ({ kind: "block-info" })],
  ["add", (json) => ({ kind: "block-add", size: json.int() })],
  [
    "old_add",
    (json) => ({
      kind: "block-add-old",
      size: json.get("size").int(),
      compressed: json.get("compressed").boolean(),
      data: json.get("data").optional((one) => one.hex()),
    }),
  ],
  ["remove", () => ({ kind: "block-remove" })],
  ["set", (json) => ({ kind: "block-set", compressed: json.boolean() })],
  [
    "old_set",
    (json) => ({
      kind: "block-set-old",
      compressed: json.get("compressed").boolean(),
      data: json.get("data").hex(),
    }),
  ],
  ["dump", (json) => ({ kind: "block-dump", level: json.int() })],
  ["old_dump", (json) => ({ kind: "block-dump-old", level: json.int() })],
  [
    "copy",
    (json) => ({
      kind: "block-copy",
      target: json.get("target").text(),
      snapshot: json.get("snapshot").boolean(),
    }),
  ],
  ["resize", (json) => ({ kind: "block-resize", size: json.get("size").int(), shrink: json.get("shrink").boolean() })],
]);

const groups: ReadonlyMap<string, ReadonlyMap<string, Read<Command>>> = new Map<
  string,
  ReadonlyMap<string, Read<Command>>
>([
  ["console", consoles],
  ["stats", statistics],
  ["log", logs],
  ["unikernel", unikernels],
  ["policy", policies],
  ["block", blocks],
]);
