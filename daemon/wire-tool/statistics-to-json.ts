/**
 * Statistics as JSON.
 *
 * @module
 */
import type { InterfaceData, ProcessMemory, ResourceUsage, Statistics, TimeValue } from "../../core/statistics.ts";
import { int64ToJson, intToJson, type Json, textToJson } from "./json-values.ts";

function timeValueToJson({ seconds, microseconds }: TimeValue): Json {
  return [int64ToJson(seconds), intToJson(microseconds)];
}

function usageToJson(usage: ResourceUsage): Json {
  return {
    utime: timeValueToJson(usage.utime),
    stime: timeValueToJson(usage.stime),
    maxrss: int64ToJson(usage.maxrss),
    ixrss: int64ToJson(usage.ixrss),
    idrss: int64ToJson(usage.idrss),
    isrss: int64ToJson(usage.isrss),
    minflt: int64ToJson(usage.minflt),
    majflt: int64ToJson(usage.majflt),
    nswap: int64ToJson(usage.nswap),
    inblock: int64ToJson(usage.inblock),
    outblock: int64ToJson(usage.outblock),
    msgsnd: int64ToJson(usage.msgsnd),
    msgrcv: int64ToJson(usage.msgrcv),
    nsignals: int64ToJson(usage.nsignals),
    nvcsw: int64ToJson(usage.nvcsw),
    nivcsw: int64ToJson(usage.nivcsw),
  };
}

function memoryToJson(memory: ProcessMemory): Json {
  return {
    vsize: int64ToJson(memory.vsize),
    rss: int64ToJson(memory.rss),
    tsize: int64ToJson(memory.tsize),
    dsize: int64ToJson(memory.dsize),
    ssize: int64ToJson(memory.ssize),
    runtime: int64ToJson(memory.runtime),
    cow: intToJson(memory.cow),
    start: timeValueToJson(memory.start),
  };
}

function interfaceToJson(data: InterfaceData): Json {
  return {
    bridge: textToJson(data.bridge),
    flags: intToJson(data.flags),
    send_length: intToJson(data.sendLength),
    max_send_length: intToJson(data.maxSendLength),
    send_drops: intToJson(data.sendDrops),
    mtu: intToJson(data.mtu),
    baudrate: int64ToJson(data.baudrate),
    input_packets: int64ToJson(data.inputPackets),
    input_errors: int64ToJson(data.inputErrors),
    output_packets: int64ToJson(data.outputPackets),
    output_errors: int64ToJson(data.outputErrors),
    collisions: int64ToJson(data.collisions),
    input_bytes: int64ToJson(data.inputBytes),
    output_bytes: int64ToJson(data.outputBytes),
    input_mcast: int64ToJson(data.inputMcast),
    output_mcast: int64ToJson(data.outputMcast),
    input_dropped: int64ToJson(data.inputDropped),
    output_dropped: int64ToJson(data.outputDropped),
  };
}

/** A sample. */
export function statisticsToJson({ resourceUsage, interfaces, hypervisor, memory }: Statistics): Json {
  return {
    rusage: usageToJson(resourceUsage),
    kinfo_mem: memory === undefined ? null : memoryToJson(memory),
    vmm: hypervisor === undefined ? null : hypervisor.map(({ key, value }) => [textToJson(key), int64ToJson(value)]),
    ifdata: interfaces.map(interfaceToJson),
  };
}
