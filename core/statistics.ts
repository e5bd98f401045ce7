/**
 * Statistics of a unikernel's process and devices (wire.md 10, stats.md).
 *
 * Counters are 64 bit and to be read as unsigned.
 *
 * @module
 */
import type { ByteString } from "./byte-string.ts";
import type { Int } from "./int.ts";

/** A duration or instant. */
export interface TimeValue {
  readonly seconds: bigint;
  readonly microseconds: Int;
}

/** As getrusage(2). */
export interface ResourceUsage {
  readonly utime: TimeValue;
  readonly stime: TimeValue;
  readonly maxrss: bigint;
  readonly ixrss: bigint;
  readonly idrss: bigint;
  readonly isrss: bigint;
  readonly minflt: bigint;
  readonly majflt: bigint;
  readonly nswap: bigint;
  readonly inblock: bigint;
  readonly outblock: bigint;
  readonly msgsnd: bigint;
  readonly msgrcv: bigint;
  readonly nsignals: bigint;
  readonly nvcsw: bigint;
  readonly nivcsw: bigint;
}

/** Memory and run time of a process. Sizes are pages, except `vsize` (bytes); `runtime` is microseconds. */
export interface ProcessMemory {
  readonly vsize: bigint;
  readonly rss: bigint;
  readonly tsize: bigint;
  readonly dsize: bigint;
  readonly ssize: bigint;
  readonly runtime: bigint;
  readonly cow: Int;
  readonly start: TimeValue;
}

/** A network interface seen from the host: input is what comes from the unikernel. */
export interface InterfaceData {
  /** The unikernel's device name. */
  readonly bridge: ByteString;
  readonly flags: Int;
  readonly sendLength: Int;
  readonly maxSendLength: Int;
  readonly sendDrops: Int;
  readonly mtu: Int;
  readonly baudrate: bigint;
  readonly inputPackets: bigint;
  readonly inputErrors: bigint;
  readonly outputPackets: bigint;
  readonly outputErrors: bigint;
  readonly collisions: bigint;
  readonly inputBytes: bigint;
  readonly outputBytes: bigint;
  readonly inputMcast: bigint;
  readonly outputMcast: bigint;
  readonly inputDropped: bigint;
  readonly outputDropped: bigint;
}

/** A counter of the hypervisor. */
export interface HypervisorCounter {
  readonly key: ByteString;
  readonly value: bigint;
}

/** One sample. */
export interface Statistics {
  readonly resourceUsage: ResourceUsage;
  readonly interfaces: readonly InterfaceData[];
  readonly hypervisor: readonly HypervisorCounter[] | undefined;
  readonly memory: ProcessMemory | undefined;
}
