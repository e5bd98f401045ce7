/**
 * KVM's counters of a virtual machine, from debugfs: `/sys/kernel/debug/kvm/<pid>-<descriptor>/`.
 *
 * KVM's other way, a descriptor for statistics, is only for the process that has the virtual machine. A kernel that is
 * locked down (kernel_lockdown(7), as with Secure Boot) shows only those counters that cannot be reset.
 *
 * @module
 */
import { type Dirent, readdirSync } from "node:fs";
import { fromText } from "../../core/byte-string.ts";
import type { HypervisorCounter } from "../../core/statistics.ts";
import {
  COLLECTOR_INTERFACE_VERSION,
  type Collector,
  CollectorError,
  type CollectorSource,
  type Sample,
} from "../collector.ts";
import { failureOf, readProcFile } from "./proc-file.ts";

/** Counters of a virtual machine that are taken. */
export const COUNTERS_MAX = 512;

/** Where debugfs is. */
const DEBUGFS = "/sys/kernel/debug";

const advice =
  "Let the group of albatross-stats into debugfs: mount -t debugfs -o mode=750,gid=albatross none /sys/kernel/debug (with remount before mode if it is mounted)";

/** The directories of all virtual machines, read once for all samples of one turn of the event loop. */
class Machines {
  readonly #folder: string;
  #advised = false;
  #current: readonly string[] | undefined;

  constructor(debugfs: string) {
    this.#folder = `${debugfs}/kvm`;
  }

  /** @returns nothing if KVM does not run anything for that process */
  find(pid: number): string | undefined {
    if (this.#current === undefined) {
      this.#current = this.#entries(this.#folder).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
      queueMicrotask(() => {
        this.#current = undefined;
      });
    }
    const found = this.#current.find((name) => name.startsWith(`${pid}-`));
    return found === undefined ? undefined : `${this.#folder}/${found}`;
  }

  /** The names of a machine's counters; its directories are about single CPUs. */
  counters(machine: string): readonly string[] {
    return this.#entries(machine)
      .flatMap((entry) => (entry.isFile() ? [entry.name] : []))
      .sort()
      .slice(0, COUNTERS_MAX);
  }

  #entries(folder: string): readonly Dirent[] {
    try {
      return readdirSync(folder, { withFileTypes: true });
    } catch (cause) {
      const text = cause instanceof Error ? cause.message : String(cause);
      const first = !this.#advised;
      this.#advised = true;
      const what = `Cannot read KVM's counters: ${text}`;
      // Whether debugfs is not mounted or not for us: the same advice, and once it is followed the next sample succeeds.
      const reason = failureOf(cause) === "failed" ? "failed" : "refused";
      throw new CollectorError(first ? `${what}. ${advice}` : what, reason, cause);
    }
  }
}

class KvmCollector implements Collector {
  readonly #pid: number;
  readonly #machines: Machines;
  #known: { readonly machine: string; readonly counters: readonly string[] } | undefined;

  constructor(pid: number, machines: Machines) {
    this.#pid = pid;
    this.#machines = machines;
  }

  sample(): Sample {
    const machine = this.#machines.find(this.#pid);
    if (machine === undefined) return {}; // not on KVM
    if (this.#known?.machine !== machine) this.#known = { machine, counters: this.#machines.counters(machine) };
    const hypervisor: HypervisorCounter[] = [];
    const readable: string[] = [];
    let refusal: CollectorError | undefined;
    for (const name of this.#known.counters) {
      try {
        const text = readProcFile(`${machine}/${name}`).trimEnd();
        if (!/^\d+$/.test(text)) continue; // a histogram
        hypervisor.push({ key: fromText(name), value: BigInt(text) });
        readable.push(name);
      } catch (error) {
        if (!(error instanceof CollectorError)) throw error;
        if (error.reason === "gone") return {}; // it has just ended
        refusal = error;
      }
    }
    if (hypervisor.length === 0 && refusal !== undefined) throw refusal;
    // Of others there will be none later, either: a kernel that is locked down lets nobody read most of them.
    this.#known = { machine, counters: readable };
    return { hypervisor };
  }

  close(): void {
    // Nothing is held.
  }
}

/** Reads KVM's counters. `debugfs`: where that is mounted. */
export function kvmSource(debugfs: string = DEBUGFS): CollectorSource {
  const machines = new Machines(debugfs);
  return {
    interfaceVersion: COLLECTOR_INTERFACE_VERSION,
    name: "kvm",
    open(target) {
      if (process.platform !== "linux") {
        throw new CollectorError("Cannot read KVM's counters: this is no Linux", "unavailable");
      }
      return new KvmCollector(target.pid, machines);
    },
  };
}
