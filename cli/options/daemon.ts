/**
 * Options of every sub-command that talks to a daemon (client.md 2).
 *
 * @module
 */
import type { Options } from "../command.ts";
import { commonOptions } from "./common.ts";
import { keyOptions } from "./keys.ts";
import { remoteOptions } from "./remote.ts";

export const daemonOptions = {
  socket: {
    flags: ["--socket"],
    kind: "file-name",
    docv: "PATH",
    doc: "The socket to connect to, instead of the one in DIR/util. With - the command is only shown, as a hex dump, and the exit status is 121.",
    section: "NETWORKING OPTIONS",
  },
  temporaryDirectory: {
    flags: ["--tmpdir"],
    kind: "directory",
    docv: "DIR",
    doc: "The directory of the running daemons. Default: /run/albatross on Linux, /var/run/albatross elsewhere.",
    section: "DIRECTORY OPTIONS",
  },
  ...remoteOptions,
  ...keyOptions,
  ...commonOptions,
} as const satisfies Options;
