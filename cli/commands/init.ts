/**
 * Definition of `albatross-client init`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { commonOptions } from "../options/common.ts";

export const init = defineCommand({
  name: "init",
  summary: "set this host up for unikernels",
  description: [
    "Makes the user and the group albatross, the directories with their owners and modes, and the units of systemd, enables and starts these; and, if it is wanted, an authority and the certificate of the endpoint, for access from afar. What is there already is left alone: a second run finds nothing to be done.",
    "On a terminal it asks; --yes takes the usual answers, and the options. If a step fails, those before it are undone, and it is said of each what became of it.",
    "The key of the authority can sign any command for this host: move /etc/albatross/ca to a safer place.",
  ],
  examples: [
    { line: "init --dry-run", doc: "Shows what would be done." },
    { line: "init", doc: "Asks, shows, asks again, and does it." },
    { line: "init --yes --authority=my-ca --server=host.example.org", doc: "With an authority, without questions." },
  ],
  arguments: {},
  options: {
    yes: { flags: ["-y", "--yes"], kind: "flag", doc: "Ask nothing." },
    dryRun: { flags: ["--dry-run"], kind: "flag", doc: "Only show what would be done." },
    authority: {
      flags: ["--authority"],
      kind: "text",
      docv: "NAME",
      doc: "Make an authority of this name, and a certificate for the endpoint.",
    },
    server: {
      flags: ["--server"],
      kind: "text",
      docv: "NAME",
      doc: "The name in the endpoint's certificate; that of this host unless given.",
    },
    noUnits: { flags: ["--no-units"], kind: "flag", doc: "Leave systemd alone." },
    program: {
      flags: ["--program"],
      kind: "file-name",
      docv: "FILE",
      doc: "The executable that the units start, as seen below the root; this one unless given. Only root may be able to write it.",
    },
    root: {
      flags: ["--root"],
      kind: "directory",
      fallback: "/",
      docv: "DIR",
      doc: "Set up a system below this directory instead of the running one; nothing is started there.",
    },
    ...commonOptions,
  },
  exits: [{ status: 1, doc: "a step failed; what was done before is undone as far as possible" }],
});
