/**
 * Definition of `albatross-client stats-add`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { daemonOptions } from "../options/daemon.ts";

export const statsAdd = defineCommand({
  name: "stats-add",
  summary: "gather statistics of a process",
  description: [
    "Lets albatross-stats measure a process under a name. Those of unikernels need no such help: albatrossd tells of them itself.",
  ],
  examples: [
    { line: "stats-add --name=manual 4711", doc: "Processor time and memory of process 4711." },
    { line: "stats-add --name=manual --bridge=service:vmmtap3 4711", doc: "With the traffic of an interface." },
  ],
  arguments: { pid: { docv: "PID", kind: "integer", doc: "The process." } },
  options: {
    name: { flags: ["-n", "--name"], kind: "name", fallback: ":", doc: "The name of the statistics." },
    device: {
      flags: ["--vmmdev"],
      kind: "text",
      fallback: "",
      docv: "DEVICE",
      doc: "The name that the hypervisor has for the virtual machine (BHyve).",
    },
    bridges: {
      flags: ["--bridge"],
      kind: "tap",
      repeated: true,
      docv: "BRIDGE:TAP",
      doc: "A network interface, and what it is called in the statistics. Repeatable.",
    },
    ...daemonOptions,
  },
});
