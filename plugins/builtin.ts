/**
 * What is part of this program and attached to its daemons like plugins, by kind. A daemon loads what it uses.
 *
 * @module
 */
import type { Backend } from "../backends/backend.ts";
import type { CollectorSource } from "../backends/collector.ts";
import type { SinkKind } from "./event-sink.ts";

/** The built-in parts: each implements the same interface as those of plugins, which come after them. */
export const builtin = {
  async backends(): Promise<readonly Backend[]> {
    return (await import("../backends/builtin.ts")).builtinBackends;
  },
  /** @param hypervisor whether counters of the hypervisor are wanted */
  async collectors(hypervisor: boolean): Promise<readonly CollectorSource[]> {
    return (await import("../backends/builtin-collectors.ts")).builtinCollectors(process.platform, hypervisor);
  },
  /** Kinds of sinks, by name: of these the command line makes some. */
  async eventSinks(): Promise<ReadonlyMap<string, SinkKind>> {
    return (await import("./event-log/builtin.ts")).builtinSinks;
  },
} as const;

/** Their names, which plugins cannot use. */
export const builtinNames: readonly string[] = [
  "hvt",
  "spt",
  "bhyve",
  "linux",
  "kvm",
  "freebsd",
  "json-lines",
  "syslog",
  "tcp",
];
