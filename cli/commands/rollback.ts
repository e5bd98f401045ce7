/**
 * Definition of `albatross-client rollback`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { daemonOptions } from "../options/daemon.ts";
import { unikernelArgument } from "../options/name.ts";
import { watchOptions } from "../options/unikernel.ts";

export const rollback = defineCommand({
  name: "rollback",
  summary: "make a unikernel what it was before",
  description: [
    "Replaces the unikernel by an earlier revision of it, image and configuration; see revisions. If it has ended meanwhile, it is started. Everything that can be checked is checked before anything is stopped, and if the earlier one cannot be started, the present one is started again.",
    "A rollback is a revision of its own: a second one without a number returns to what the first one has replaced.",
    "The original Albatross knows nothing of revisions, and closes the connection.",
  ],
  examples: [
    { line: "rollback hello", doc: "To the revision before the newest." },
    { line: "rollback hello 3", doc: "To revision 3." },
  ],
  arguments: {
    ...unikernelArgument,
    revision: {
      docv: "REVISION",
      kind: "revision",
      optional: true,
      doc: "The number of the revision; the one before the newest unless given.",
    },
  },
  options: { ...watchOptions, ...daemonOptions },
  exits: [{ status: 115, doc: "with --wait-fail: the unikernel was started, but ended with a failure at once" }],
});
