/**
 * Which daemon serves which command, and how replies to it are read (wire.md 5).
 *
 * @module
 */
import type { SocketRole } from "../core/paths.ts";
import type { Command } from "../core/wire/message.ts";

/** How replies to a command are read: one, or as many as come until the peer closes, or a dump of a block device. */
export type ReplyMode = "single" | "stream" | "dump";

/** The daemon that serves a command, and how it replies. */
export function routeOf(command: Command): { readonly socket: SocketRole; readonly mode: ReplyMode } {
  switch (command.kind) {
    case "console-inactive":
      return { socket: "console", mode: "single" };
    case "console-add":
    case "console-subscribe":
      return { socket: "console", mode: "stream" };
    case "log-subscribe":
      return { socket: "log", mode: "stream" };
    case "statistics-subscribe":
      return { socket: "stat", mode: "stream" };
    case "statistics-add":
    case "statistics-remove":
    case "statistics-initial":
      return { socket: "stat", mode: "single" };
    case "block-dump":
      return { socket: "vmmd", mode: "dump" };
    default:
      return { socket: "vmmd", mode: "single" };
  }
}
