/**
 * Encoding of statistics (wire.md 10).
 *
 * @module
 */
import type {
  HypervisorCounter,
  InterfaceData,
  ProcessMemory,
  ResourceUsage,
  Statistics,
  TimeValue,
} from "../statistics.ts";
import { type Codec, explicit, lazy, optional, sequence, sequenceOf } from "./der-codec.ts";
import { int, int32, int64, text } from "./der-primitives.ts";

const timeValue: Codec<TimeValue> = lazy(() => sequence<TimeValue>({ seconds: int64, microseconds: int }));

const resourceUsage: Codec<ResourceUsage> = lazy(() =>
  sequence<ResourceUsage>({
    utime: timeValue,
    stime: timeValue,
    maxrss: int64,
    ixrss: int64,
    idrss: int64,
    isrss: int64,
    minflt: int64,
    majflt: int64,
    nswap: int64,
    inblock: int64,
    outblock: int64,
    msgsnd: int64,
    msgrcv: int64,
    nsignals: int64,
    nvcsw: int64,
    nivcsw: int64,
  }),
);

/** The only use of IMPLICIT tagging: `[1]` in place of SEQUENCE. */
const KINFO_MEM = 0xa1;

const processMemory: Codec<ProcessMemory> = lazy(() =>
  sequence<ProcessMemory>(
    {
      vsize: int64,
      rss: int64,
      tsize: int64,
      dsize: int64,
      ssize: int64,
      runtime: int64,
      cow: int,
      start: timeValue,
    },
    KINFO_MEM,
  ),
);

const interfaceData: Codec<InterfaceData> = lazy(() =>
  sequence<InterfaceData>({
    bridge: text,
    flags: int32,
    sendLength: int32,
    maxSendLength: int32,
    sendDrops: int32,
    mtu: int32,
    baudrate: int64,
    inputPackets: int64,
    inputErrors: int64,
    outputPackets: int64,
    outputErrors: int64,
    collisions: int64,
    inputBytes: int64,
    outputBytes: int64,
    inputMcast: int64,
    outputMcast: int64,
    inputDropped: int64,
    outputDropped: int64,
  }),
);

const counter: Codec<HypervisorCounter> = lazy(() => sequence<HypervisorCounter>({ key: text, value: int64 }));

/** `StatsData`. */
export const statisticsCodec: Codec<Statistics> = lazy(() =>
  sequence<Statistics>({
    resourceUsage,
    interfaces: sequenceOf(interfaceData),
    hypervisor: optional(explicit(0, sequenceOf(counter))),
    memory: optional(processMemory),
  }),
);
