/**
 * Arguments and options of `add-policy` and `replace-policy` (client.md 4).
 *
 * @module
 */
import type { Arguments, Options } from "../command.ts";
import { daemonOptions } from "./daemon.ts";

export const policyArguments = {
  path: { docv: "PATH", kind: "path", doc: "The path, e.g. foo or foo:bar." },
  unikernels: { docv: "UNIKERNELS", kind: "integer", doc: "How many unikernels may run below the path." },
} as const satisfies Arguments;

export const policyOptions = {
  memory: {
    flags: ["--mem"],
    kind: "integer",
    fallback: "512",
    docv: "MB",
    doc: "Memory of all unikernels together, in MB; more than 16.",
  },
  cpuIds: {
    flags: ["--cpu"],
    kind: "cpu-id",
    repeated: true,
    fallback: "0",
    docv: "ID",
    doc: "A CPU of the host that may be used, by number. Repeatable.",
  },
  block: {
    flags: ["--block", "--size"],
    kind: "integer",
    docv: "MB",
    doc: "Block storage of all devices together, in MB; none unless given.",
  },
  bridges: {
    flags: ["--network", "--bridge"],
    kind: "text",
    repeated: true,
    docv: "BRIDGE",
    doc: "A bridge of the host that may be used. Repeatable.",
  },
  ...daemonOptions,
} as const satisfies Options;
