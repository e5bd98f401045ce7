/**
 * Commands as JSON.
 *
 * @module
 */
import { formatCursor } from "../../core/log/cursor.ts";
import type { Command } from "../../core/wire/message.ts";
import { bytesToJson, intToJson, type Json, textToJson, timeToJson } from "./json-values.ts";
import { argumentsToJson, configToJson, policyToJson } from "./unikernel-to-json.ts";

/** A command: an object with the group as its only key. */
export function commandToJson(command: Command): Json {
  switch (command.kind) {
    case "console-add":
      return { console: { add: intToJson(command.limit) } };
    case "console-subscribe":
      return {
        console: {
          subscribe:
            "since" in command.from
              ? { since: timeToJson(command.from.since) }
              : { count: intToJson(command.from.count) },
        },
      };
    case "console-inactive":
      return { console: "list_inactive" };
    case "statistics-add": {
      const taps = command.networks.map(({ device, tap }) => [textToJson(device), textToJson(tap)]);
      return { stats: { add: { vmmdev: textToJson(command.device), pid: intToJson(command.pid), taps } } };
    }
    case "statistics-remove":
      return { stats: "remove" };
    case "statistics-subscribe":
      return { stats: "subscribe" };
    case "statistics-initial":
      return { stats: "initial" };
    case "log-subscribe": {
      const { from } = command;
      if ("cursor" in from) return { log: { subscribe: { cursor: formatCursor(from.cursor) } } };
      const start = "since" in from ? { since: timeToJson(from.since) } : { count: intToJson(from.count) };
      return { log: { subscribe: start } };
    }
    case "unikernel-info":
      return { unikernel: "info" };
    case "unikernel-info-old":
      return { unikernel: `old_info${command.generation}` };
    case "unikernel-create":
      return { unikernel: { create: configToJson(command.config) } };
    case "unikernel-force-create":
      return { unikernel: { force_create: configToJson(command.config) } };
    case "unikernel-restart":
      return {
        unikernel: { restart: command.arguments === undefined ? null : argumentsToJson(command.arguments) },
      };
    case "unikernel-destroy":
      return { unikernel: "destroy" };
    case "unikernel-get":
      return { unikernel: { get: intToJson(command.level) } };
    case "unikernel-revisions":
      return { unikernel: { revisions: intToJson(command.count) } };
    case "unikernel-rollback":
      return { unikernel: { rollback: intToJson(command.revision) } };
    case "policy-info":
      return { policy: "info" };
    case "policy-add":
      return { policy: { add: policyToJson(command.policy) } };
    case "policy-remove":
      return { policy: "remove" };
    case "block-info":
      return { block: "info" };
    case "block-add":
      return { block: { add: intToJson(command.size) } };
    case "block-add-old": {
      const data = command.data === undefined ? null : bytesToJson(command.data);
      return { block: { old_add: { size: intToJson(command.size), compressed: command.compressed, data } } };
    }
    case "block-remove":
      return { block: "remove" };
    case "block-set":
      return { block: { set: command.compressed } };
    case "block-set-old":
      return { block: { old_set: { compressed: command.compressed, data: bytesToJson(command.data) } } };
    case "block-dump":
      return { block: { dump: intToJson(command.level) } };
    case "block-dump-old":
      return { block: { old_dump: intToJson(command.level) } };
    case "block-copy":
      return { block: { copy: { target: textToJson(command.target), snapshot: command.snapshot } } };
    case "block-resize":
      return { block: { resize: { size: intToJson(command.size), shrink: command.shrink } } };
  }
}
