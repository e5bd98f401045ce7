/**
 * Commands in requests by the sub-commands that make them: for `--allow`, and for names of files.
 *
 * @module
 */
import type { Command } from "../core/wire/message.ts";

/** What `sign` can be limited to: sub-commands, and `server` for requests without a command. */
export const SIGNABLE = [
  "add-policy",
  "block",
  "clone-block",
  "console",
  "create",
  "create-block",
  "destroy",
  "destroy-block",
  "dump-block",
  "get",
  "inactive-consoles",
  "info",
  "log",
  "policy",
  "remove-policy",
  "resize-block",
  "restart",
  "revisions",
  "rollback",
  "server",
  "set-block",
  "snapshot-block",
  "stats",
  "stats-add",
  "stats-remove",
] as const;

/** A value of `--allow`. */
export type Signable = (typeof SIGNABLE)[number];

/** The sub-command that makes a request for a command; `undefined` for commands that only daemons send. */
export function subCommandOf(command: Command): Signable | undefined {
  switch (command.kind) {
    case "console-add":
    case "statistics-initial":
      return undefined;
    case "console-subscribe":
      return "console";
    case "console-inactive":
      return "inactive-consoles";
    case "statistics-add":
      return "stats-add";
    case "statistics-remove":
      return "stats-remove";
    case "statistics-subscribe":
      return "stats";
    case "log-subscribe":
      return "log";
    case "unikernel-info":
    case "unikernel-info-old":
      return "info";
    case "unikernel-create":
    case "unikernel-force-create":
      return "create";
    case "unikernel-restart":
      return "restart";
    case "unikernel-destroy":
      return "destroy";
    case "unikernel-get":
      return "get";
    case "unikernel-revisions":
      return "revisions";
    case "unikernel-rollback":
      return "rollback";
    case "policy-info":
      return "policy";
    case "policy-add":
      return "add-policy";
    case "policy-remove":
      return "remove-policy";
    case "block-info":
      return "block";
    case "block-add":
    case "block-add-old":
      return "create-block";
    case "block-remove":
      return "destroy-block";
    case "block-set":
    case "block-set-old":
      return "set-block";
    case "block-dump":
    case "block-dump-old":
      return "dump-block";
    case "block-copy":
      return command.snapshot ? "snapshot-block" : "clone-block";
    case "block-resize":
      return "resize-block";
  }
}
