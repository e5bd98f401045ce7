/**
 * Statistics as lines for Influx: the measurements, tags and fields of the original, in its order (influx.md 3).
 *
 * @module
 */
import { toDisplay } from "../../core/byte-string.ts";
import type { Int } from "../../core/int.ts";
import type { Name } from "../../core/name.ts";
import type { InterfaceData, ProcessMemory, ResourceUsage, Statistics, TimeValue } from "../../core/statistics.ts";
import { type InfluxValue, influxLine } from "./line.ts";

type Fields = readonly (readonly [key: string, value: InfluxValue])[];

const decimal = (seconds: bigint | string, microseconds: Int): InfluxValue => ({
  float: `${seconds}.${microseconds.toString().padStart(6, "0")}`,
});

const duration = ({ seconds, microseconds }: TimeValue) => decimal(seconds, microseconds);

/** A 32-bit value, which may have been sign-extended, as unsigned. */
const unsigned32 = (value: Int) => BigInt.asUintN(32, BigInt(value));

/** `resource_usage`. The original calls the major faults `maxflt`; they have their own name, too, at the end. */
export function usageFields(usage: ResourceUsage): Fields {
  return [
    ["utime", duration(usage.utime)],
    ["stime", duration(usage.stime)],
    ["maxrss", usage.maxrss],
    ["ixrss", usage.ixrss],
    ["idrss", usage.idrss],
    ["isrss", usage.isrss],
    ["minflt", usage.minflt],
    ["maxflt", usage.majflt],
    ["nswap", usage.nswap],
    ["inblock", usage.inblock],
    ["outblock", usage.outblock],
    ["msgsnd", usage.msgsnd],
    ["msgrcv", usage.msgrcv],
    ["nsignals", usage.nsignals],
    ["nvcsw", usage.nvcsw],
    ["nivcsw", usage.nivcsw],
    ["majflt", usage.majflt],
  ];
}

/** `kinfo_mem`. `now`: milliseconds since 1970. */
export function memoryFields(memory: ProcessMemory, now: number): Fields {
  return [
    ["vsize", memory.vsize],
    ["rss", memory.rss],
    ["tsize", memory.tsize],
    ["dsize", memory.dsize],
    ["ssize", memory.ssize],
    ["cow_faults", BigInt.asUintN(64, BigInt(memory.cow))],
    ["runtime", memory.runtime],
    ["uptime", uptime(memory.start, now)],
  ];
}

function uptime({ seconds, microseconds }: TimeValue, now: number): InfluxValue {
  const age = BigInt(Math.round(now * 1000)) - (BigInt.asIntN(64, seconds) * 1_000_000n + BigInt(microseconds));
  const size = age < 0n ? -age : age;
  return decimal(`${age < 0n ? "-" : ""}${size / 1_000_000n}`, Number(size % 1_000_000n));
}

function interfaceFields(data: InterfaceData): Fields {
  return [
    ["send_queue_length", unsigned32(data.sendLength)],
    ["max_send_queue_length", unsigned32(data.maxSendLength)],
    ["send_queue_drops", unsigned32(data.sendDrops)],
    ["mtu", unsigned32(data.mtu)],
    ["baudrate", data.baudrate],
    ["vm_to_host_packets", data.inputPackets],
    ["vm_to_host_errors", data.inputErrors],
    ["vm_to_host_bytes", data.inputBytes],
    ["vm_to_host_mcast", data.inputMcast],
    ["vm_to_host_dropped", data.inputDropped],
    ["collisions", data.collisions],
    ["host_to_vm_packets", data.outputPackets],
    ["host_to_vm_errors", data.outputErrors],
    ["host_to_vm_bytes", data.outputBytes],
    ["host_to_vm_mcast", data.outputMcast],
    ["host_to_vm_dropped", data.outputDropped],
  ];
}

/** The tag `vm`: the label, or the printed name if it has none or the path is to stay. */
export function vmTag(name: Name, dropPath: boolean): string {
  return dropPath && name.label !== undefined ? name.label : name.text;
}

/**
 * The lines of a sample, each with its end.
 *
 * @param now when it came, milliseconds since 1970
 * @param stamped whether the lines say when that was
 */
export function statisticsLines(vm: string, sample: Statistics, now: number, stamped: boolean): string {
  const timestamp = stamped ? BigInt(Math.round(now)) * 1_000_000n : undefined;
  const tags = [["vm", vm]] as const;
  const lines = [influxLine("resource_usage", tags, usageFields(sample.resourceUsage), timestamp)];
  if (sample.memory !== undefined) {
    lines.push(influxLine("kinfo_mem", tags, memoryFields(sample.memory, now), timestamp));
  }
  if (sample.hypervisor !== undefined && sample.hypervisor.length > 0) {
    const counters = sample.hypervisor.map(({ key, value }) => [toDisplay(key), value] as const);
    lines.push(influxLine("vmm", tags, counters, timestamp));
  }
  for (const data of sample.interfaces) {
    const both = [...tags, ["bridge", toDisplay(data.bridge)]] as const;
    lines.push(influxLine("interface", both, interfaceFields(data), timestamp));
  }
  return `${lines.join("\n")}\n`;
}
