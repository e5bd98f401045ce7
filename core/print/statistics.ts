/**
 * Printed statistics (client.md 9).
 *
 * @module
 */
import type { ByteString } from "../byte-string.ts";
import type { Int } from "../int.ts";
import type { InterfaceData, ProcessMemory, ResourceUsage, Statistics, TimeValue } from "../statistics.ts";
import { unsigned } from "./policy.ts";

function seconds({ seconds: whole, microseconds }: TimeValue): string {
  return `${whole}.${microseconds.toString().padStart(6, "0")}`;
}

/** A 32-bit value, which may have been sign-extended, as unsigned. */
function unsigned32(value: Int): bigint {
  return BigInt.asUintN(32, BigInt(value));
}

function line(parts: readonly (readonly [label: string, value: bigint | string])[]): string {
  return parts.map(([label, value]) => `${label} ${value}`).join(" ");
}

function usageLine(usage: ResourceUsage): string {
  return line([
    ["utime", seconds(usage.utime)],
    ["stime", seconds(usage.stime)],
    ["maxrss", usage.maxrss],
    ["ixrss", usage.ixrss],
    ["idrss", usage.idrss],
    ["isrss", usage.isrss],
    ["minflt", usage.minflt],
    ["majflt", usage.majflt],
    ["nswap", usage.nswap],
    ["inblock", usage.inblock],
    ["outblock", usage.outblock],
    ["msgsnd", usage.msgsnd],
    ["msgrcv", usage.msgrcv],
    ["signals", usage.nsignals],
    ["nvcsw", usage.nvcsw],
    ["nivcsw", usage.nivcsw],
  ]);
}

function memoryLine(memory: ProcessMemory): string {
  return line([
    ["virtual-size", memory.vsize],
    ["rss", memory.rss],
    ["text-size", memory.tsize],
    ["data-size", memory.dsize],
    ["stack-size", memory.ssize],
    ["runtime", memory.runtime],
    ["cow", unsigned(memory.cow)],
    ["start", seconds(memory.start)],
  ]);
}

function interfaceLine(data: InterfaceData): string {
  return line([
    ["bridge", data.bridge],
    ["flags", unsigned32(data.flags).toString(16).toUpperCase()],
    ["send_length", unsigned32(data.sendLength)],
    ["max_send_length", unsigned32(data.maxSendLength)],
    ["send_drops", unsigned32(data.sendDrops)],
    ["mtu", unsigned32(data.mtu)],
    ["baudrate", data.baudrate],
    ["input_packets", data.inputPackets],
    ["input_errors", data.inputErrors],
    ["output_packets", data.outputPackets],
    ["output_errors", data.outputErrors],
    ["collisions", data.collisions],
    ["input_bytes", data.inputBytes],
    ["output_bytes", data.outputBytes],
    ["input_mcast", data.inputMcast],
    ["output_mcast", data.outputMcast],
    ["input_dropped", data.inputDropped],
    ["output_dropped", data.outputDropped],
  ]);
}

/** A sample: resource usage, memory, hypervisor counters, interfaces. */
export function printStatistics({ resourceUsage, interfaces, hypervisor, memory }: Statistics): ByteString {
  const counters =
    hypervisor === undefined ? "no vmm stats" : hypervisor.map(({ key, value }) => `${key}: ${value}`).join("\n");
  return [
    `stats: ${usageLine(resourceUsage)}`,
    memory === undefined ? "no kinfo_mem stats" : memoryLine(memory),
    counters,
    interfaces.map(interfaceLine).join("\n\n"),
  ].join("\n") as ByteString;
}
