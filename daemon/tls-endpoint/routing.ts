/**
 * Which daemon a command is for, and how its answers are passed on (wire.md 5, pki.md 8).
 *
 * @module
 */
import type { SocketRole } from "../../core/paths.ts";
import type { Command } from "../../core/wire/message.ts";

/**
 * `single`: one message is the reply. `read`: everything is passed on until the daemon or the client closes. `dump`: the
 * same, until the message that says that the dump is complete.
 */
export type ReplyMode = "single" | "read" | "dump";

/** The daemon that serves a command. */
export function daemonOf({ kind }: Command): SocketRole {
  if (kind.startsWith("console-")) return "console";
  if (kind === "log-subscribe") return "log";
  return kind.startsWith("statistics-") ? "stat" : "vmmd";
}

/** How answers to a command are passed on. */
export function replyModeOf({ kind }: Command): ReplyMode {
  if (kind === "console-subscribe" || kind === "statistics-subscribe" || kind === "log-subscribe") return "read";
  return kind === "block-dump" ? "dump" : "single";
}

/** Whether a block stream of the client follows the command. */
export function takesStream({ kind }: Command): boolean {
  return kind === "block-set";
}
