/**
 * How unikernels are named on the command line (client.md 4).
 *
 * @module
 */
import type { Arguments, Options } from "../command.ts";

/** For commands about one unikernel. */
export const unikernelArgument = {
  name: { docv: "UNIKERNEL-NAME", kind: "name", doc: "The name, e.g. hello or foo:bar:hello." },
} as const satisfies Arguments;

/** One unikernel, all below a path, or all that there are. */
export const nameOption = {
  name: {
    flags: ["-n", "--name"],
    kind: "name",
    fallback: ":",
    doc: "The unikernel, or with a trailing colon a path.",
  },
} as const satisfies Options;
