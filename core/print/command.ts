/**
 * Printed commands (wire.md 20).
 *
 * @module
 */
import type { ByteString } from "../byte-string.ts";
import { formatCursor } from "../log/cursor.ts";
import type { Command } from "../wire/message.ts";
import { printPolicy, unsigned } from "./policy.ts";
import type { PrintStyle } from "./style.ts";
import { printTime } from "./time.ts";
import { printArguments, printConfig } from "./unikernel.ts";

/** A command. `lead` is what stands on the line before it. */
export function printCommand(command: Command, style: PrintStyle, lead = ""): ByteString {
  switch (command.kind) {
    case "unikernel-create":
      return printConfig(command.config, style, `${lead}unikernel create `);
    case "unikernel-force-create":
      return printConfig(command.config, style, `${lead}unikernel force create `);
    case "unikernel-restart":
      if (command.arguments === undefined) return `${lead}unikernel restart` as ByteString;
      return printArguments(command.arguments, style, `${lead}unikernel restart `);
    default:
      return `${lead}${shortCommand(command)}` as ByteString;
  }
}

type LongKind = "unikernel-create" | "unikernel-force-create" | "unikernel-restart";

function shortCommand(command: Exclude<Command, { kind: LongKind }>): string {
  switch (command.kind) {
    case "console-add":
      return `console add (max unikernels ${unsigned(command.limit)})`;
    case "console-subscribe":
      return "since" in command.from
        ? `console subscribe since ${printTime(command.from.since)}`
        : `console subscribe number ${command.from.count}`;
    case "console-inactive":
      return "console list inactive available ringbuffers";
    case "statistics-add": {
      const taps = command.networks.map(({ device, tap }) => `${device}: ${tap}`).join(", ");
      return `stats add: vmm device ${command.device} pid ${command.pid} taps ${taps}`;
    }
    case "statistics-remove":
      return "stat remove";
    case "statistics-subscribe":
      return "stat subscribe";
    case "statistics-initial":
      return "stat initial";
    case "log-subscribe": {
      const { from } = command;
      if ("cursor" in from) return `log subscribe from ${formatCursor(from.cursor)}`;
      return "since" in from ? `log subscribe since ${printTime(from.since)}` : `log subscribe number ${from.count}`;
    }
    case "unikernel-info":
      return "unikernel info";
    case "unikernel-info-old":
      return `old unikernel info${command.generation}`;
    case "unikernel-destroy":
      return "unikernel destroy";
    case "unikernel-get":
      return `unikernel get compress level ${command.level}`;
    case "unikernel-revisions":
      return `unikernel revisions ${command.count}`;
    case "unikernel-rollback":
      return `unikernel rollback ${command.revision}`;
    case "policy-info":
      return "policy info";
    case "policy-add":
      return `policy add ${printPolicy(command.policy)}`;
    case "policy-remove":
      return "policy remove";
    case "block-info":
      return "block info";
    case "block-add":
      return `block add ${command.size}`;
    case "block-add-old": {
      const data = command.data === undefined ? "no data" : command.data.length;
      return `old block add ${command.size} (compressed ${command.compressed} data ${data})`;
    }
    case "block-remove":
      return "block remove";
    case "block-set":
      return `block set compressed ${command.compressed}`;
    case "block-set-old":
      return `old block set compressed ${command.compressed} ${command.data.length} bytes`;
    case "block-dump":
      return `block dump, compress level ${command.level}`;
    case "block-dump-old":
      return `old block dump, compress level ${command.level}`;
    case "block-copy":
      return `block ${command.snapshot ? "snapshot" : "clone"} ${command.target}`;
    case "block-resize":
      return `block resize ${command.size}${command.shrink ? " (may shrink)" : ""}`;
  }
}
