/**
 * Definition of `albatross-client top`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { daemonOptions } from "../options/daemon.ts";
import { nameOption } from "../options/name.ts";

export const top = defineCommand({
  name: "top",
  summary: "watch unikernels",
  description: [
    "Shows what unikernels use and how they are doing, again and again: load of processors with a curve, resident and assigned memory, network traffic seen from the unikernel, restarts, state, time since the start. Loads and traffic come with the second sample of albatross-stats.",
    "On a terminal, the arrow keys choose a unikernel, Return shows its console, and letters choose the order. Elsewhere, or with --plain, a table is printed every few seconds; with --json an object per line.",
  ],
  examples: [
    { line: "top", doc: "All unikernels of this host." },
    { line: "top -n foo: --sort memory", doc: "Those below the path foo, the largest first." },
    { line: "top --plain --count 1", doc: "One table, for a script." },
    { line: "top --remote paris", doc: "Those of a remote host." },
  ],
  arguments: {},
  options: {
    ...nameOption,
    sort: {
      flags: ["--sort"],
      kind: "sort-key",
      fallback: "cpu",
      docv: "KEY",
      doc: "The order: cpu, memory, network, restarts, uptime or name.",
    },
    interval: {
      flags: ["--interval"],
      kind: "seconds",
      fallback: "2",
      docv: "SECONDS",
      doc: "Time between tables where there is no terminal, at least 1.",
    },
    count: {
      flags: ["--count"],
      kind: "natural",
      docv: "N",
      doc: "Tables to print where there is no terminal; without it they go on until an interrupt.",
    },
    ...daemonOptions,
  },
});
