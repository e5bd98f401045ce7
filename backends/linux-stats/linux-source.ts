/**
 * Statistics of processes and their taps on Linux (stats.md 5 and 7).
 *
 * Everything but the block counters is readable for every user, also of processes of root.
 *
 * @module
 */
import type { ByteString } from "../../core/byte-string.ts";
import type { InterfaceData, ProcessMemory, ResourceUsage, TimeValue } from "../../core/statistics.ts";
import type { LinkCounters } from "../../host/linux/link-counters.ts";
import { pageSize } from "../../host/page-size.ts";
import { libcNames, openLibrary } from "../../runtime/ffi.ts";
import { SystemError } from "../../runtime/system-error.ts";
import {
  COLLECTOR_INTERFACE_VERSION,
  type Collector,
  CollectorError,
  type CollectorSource,
  type CollectorTarget,
  type Sample,
} from "../collector.ts";
import { readProcFile } from "./proc-file.ts";
import {
  pagesOf,
  parseBlocks,
  parseStat,
  parseStatus,
  type StatFields,
  timeOfTicks,
  type Units,
} from "./process-files.ts";
import { TapCounters } from "./tap-counters.ts";

const _SC_CLK_TCK = 2;

/** Seconds by which a start must have moved to be told anew: it is to stay the same otherwise. */
const CLOCK_SET_S = 10;

function readUnits(): Units {
  const { sysconf } = openLibrary(libcNames, { sysconf: { args: ["i32"], returns: "i64" } });
  return { ticks: BigInt(sysconf(_SC_CLK_TCK)), page: BigInt(pageSize()) };
}

class LinuxCollector implements Collector {
  readonly #pid: number;
  readonly #units: Units;
  readonly #taps: TapCounters;
  readonly #interfaces: { readonly device: ByteString; readonly index: number }[] = [];
  /** When the process started, clock ticks since the boot: by it another one with the same id is told apart. */
  #start: bigint | undefined;
  #started: TimeValue | undefined;
  #blocksRefused = false;
  #closed = false;

  constructor({ pid, interfaces }: CollectorTarget, units: Units, taps: TapCounters) {
    this.#pid = pid;
    this.#units = units;
    this.#taps = taps;
    try {
      this.#stat();
    } catch (error) {
      if (!(error instanceof CollectorError)) throw error;
      if (error.reason === "gone") this.#start = -1n; // no process that comes later can be the one that is meant
    }
    try {
      for (const { device, tap } of interfaces) {
        const index = taps.want(tap);
        if (index !== undefined) this.#interfaces.push({ device, index });
      }
    } catch (error) {
      this.close();
      throw asCollectorError(error);
    }
  }

  sample(): Sample {
    const stat = this.#stat();
    const status = parseStatus(this.#file("status"));
    const { page, ticks } = this.#units;
    const utime = timeOfTicks(stat.utime, ticks);
    const stime = timeOfTicks(stat.stime, ticks);
    const resourceUsage: ResourceUsage = {
      utime,
      stime,
      maxrss: pagesOf(status.maxrss, page),
      ixrss: 0n,
      idrss: 0n,
      isrss: 0n,
      minflt: stat.minflt,
      majflt: stat.majflt,
      nswap: stat.nswap,
      ...this.#blocks(),
      msgsnd: 0n,
      msgrcv: 0n,
      nsignals: 0n,
      nvcsw: status.nvcsw,
      nivcsw: status.nivcsw,
    };
    const started = startTime(stat.start, ticks);
    this.#started = this.#started === undefined || isAnother(this.#started, started) ? started : this.#started;
    const memory: ProcessMemory = {
      vsize: stat.vsize,
      rss: stat.rss,
      tsize: pagesOf(status.text, page),
      dsize: pagesOf(status.data, page),
      ssize: pagesOf(status.stack, page),
      runtime: ((stat.utime + stat.stime) * 1_000_000n) / ticks,
      cow: 0,
      start: this.#started,
    };
    return { resourceUsage, memory, interfaces: this.#counters() };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const { index } of this.#interfaces) this.#taps.release(index);
  }

  #file(name: "stat" | "status" | "io"): string {
    return readProcFile(`/proc/${this.#pid}/${name}`);
  }

  /** @throws {CollectorError} `gone` also if the process has ended, or its id is another's now */
  #stat(): StatFields {
    const stat = parseStat(this.#file("stat"));
    if (stat.ended) throw new CollectorError(`Process ${this.#pid} has ended`, "gone");
    this.#start ??= stat.start;
    if (stat.start !== this.#start) {
      throw new CollectorError(`Process ${this.#pid} has ended, and another one has its number`, "gone");
    }
    return stat;
  }

  /** Only whoever may trace the process can read these: root, or its own user. */
  #blocks(): Pick<ResourceUsage, "inblock" | "outblock"> {
    if (!this.#blocksRefused) {
      try {
        return parseBlocks(this.#file("io"));
      } catch (error) {
        if (!(error instanceof CollectorError) || error.reason === "gone") throw error;
        this.#blocksRefused = true;
      }
    }
    return { inblock: 0n, outblock: 0n };
  }

  #counters(): readonly InterfaceData[] {
    try {
      return this.#interfaces.flatMap(({ device, index }) => {
        const counters = this.#taps.get(index);
        return counters === undefined ? [] : [interfaceData(device, counters)];
      });
    } catch (error) {
      throw asCollectorError(error);
    }
  }
}

/** What the host receives from a tap is what the unikernel has sent. */
function interfaceData(device: ByteString, link: LinkCounters): InterfaceData {
  return {
    bridge: device,
    flags: link.flags,
    sendLength: 0,
    maxSendLength: 0,
    sendDrops: 0,
    mtu: link.mtu,
    baudrate: 0n,
    inputPackets: link.rxPackets,
    inputErrors: link.rxErrors,
    outputPackets: link.txPackets,
    outputErrors: link.txErrors,
    collisions: link.collisions,
    inputBytes: link.rxBytes,
    outputBytes: link.txBytes,
    inputMcast: link.multicast,
    outputMcast: 0n,
    inputDropped: link.rxDropped,
    outputDropped: link.txDropped,
  };
}

/** Ticks since the boot as wall clock time: what the clock shows now, less the age. */
function startTime(start: bigint, ticks: bigint): TimeValue {
  const uptime = Number.parseFloat(readProcFile("/proc/uptime"));
  const age = uptime - Number(start) / Number(ticks);
  const microseconds = BigInt(Math.round((Date.now() - age * 1000) * 1000));
  return { seconds: microseconds / 1_000_000n, microseconds: Number(microseconds % 1_000_000n) };
}

/** Whether the clock was set meanwhile, as on a board that begins in 1970: else they differ by roundings and pauses only. */
function isAnother(before: TimeValue, now: TimeValue): boolean {
  return Math.abs(Number(now.seconds - before.seconds)) > CLOCK_SET_S;
}

function asCollectorError(error: unknown): unknown {
  return error instanceof SystemError ? new CollectorError(error.message, "failed", error) : error;
}

/** Measures processes and their taps on Linux. */
export function linuxSource(): CollectorSource {
  let units: Units | undefined;
  const taps = new TapCounters();
  return {
    interfaceVersion: COLLECTOR_INTERFACE_VERSION,
    name: "linux",
    open(target) {
      if (process.platform !== "linux") {
        throw new CollectorError("Cannot measure processes by /proc: this is no Linux", "unavailable");
      }
      units ??= readUnits();
      return new LinuxCollector(target, units, taps);
    },
  };
}
