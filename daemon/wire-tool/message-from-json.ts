/**
 * Messages from JSON, in the conventions of the recorded vectors of the original.
 *
 * @module
 */
import { type Name, parseName } from "../../core/name.ts";
import type { InterfaceData, ResourceUsage, Statistics, TimeValue } from "../../core/statistics.ts";
import type { Data, Message, Payload, Success } from "../../core/wire/message.ts";
import { commandFromJson } from "./command-from-json.ts";
import { JsonError, type JsonReader } from "./json-reader.ts";
import { infoFromJson, policyFromJson, timeFromJson } from "./unikernel-from-json.ts";

function nameFromJson(json: JsonReader): Name {
  return parseName(json.string());
}

/** Elements of an array whose first element is a name: that name, and the others. */
function named<T>(
  json: JsonReader,
  read: (...others: readonly JsonReader[]) => T,
): readonly ({ readonly name: Name } & T)[] {
  return json.list().map((one) => {
    const [name, ...others] = one.list();
    if (name === undefined) throw new JsonError("an element of a list needs a name");
    return { name: nameFromJson(name), ...read(...others) };
  });
}

function present(json: JsonReader | undefined): JsonReader {
  if (json === undefined) throw new JsonError("an element of a list is too short");
  return json;
}

function infos(json: JsonReader) {
  return named(json, (info) => ({ info: infoFromJson(present(info)) }));
}

function successFromJson(json: JsonReader): Success {
  const [key, value] = json.only();
  switch (key) {
    case "empty":
      return { kind: "empty" };
    case "string":
      return { kind: "string", text: value.text() };
    case "policies":
      return { kind: "policies", policies: named(value, (policy) => ({ policy: policyFromJson(present(policy)) })) };
    case "block_devices":
      return {
        kind: "block-devices",
        devices: named(value, (size, active) => ({ size: present(size).int(), active: present(active).boolean() })),
      };
    case "unikernel_image":
    case "old_block_device_image":
      return {
        kind: key === "unikernel_image" ? "unikernel-image" : "old-block-device-image",
        compressed: value.get("compressed").boolean(),
        image: value.get("image").hex(),
      };
    case "block_device_image":
      return { kind: "block-device-image", compressed: value.boolean() };
    case "consoles":
      return { kind: "consoles", names: value.list().map(nameFromJson) };
    case "info":
      return { kind: "unikernels", unikernels: infos(value) };
    case "old_info4":
      return { kind: "unikernels-old", generation: 4, unikernels: infos(value) };
    case "old_info5":
      return { kind: "unikernels-old", generation: 5, unikernels: infos(value) };
    default:
      throw new JsonError(`${key} is no success`);
  }
}

function timeValue(json: JsonReader): TimeValue {
  const [seconds, microseconds] = json.list();
  return { seconds: present(seconds).int64(), microseconds: present(microseconds).int() };
}

function usage(json: JsonReader): ResourceUsage {
  const count = (key: string) => json.get(key).int64();
  return {
    utime: timeValue(json.get("utime")),
    stime: timeValue(json.get("stime")),
    maxrss: count("maxrss"),
    ixrss: count("ixrss"),
    idrss: count("idrss"),
    isrss: count("isrss"),
    minflt: count("minflt"),
    majflt: count("majflt"),
    nswap: count("nswap"),
    inblock: count("inblock"),
    outblock: count("outblock"),
    msgsnd: count("msgsnd"),
    msgrcv: count("msgrcv"),
    nsignals: count("nsignals"),
    nvcsw: count("nvcsw"),
    nivcsw: count("nivcsw"),
  };
}

function interfaceData(json: JsonReader): InterfaceData {
  const count = (key: string) => json.get(key).int64();
  return {
    bridge: json.get("bridge").text(),
    flags: json.get("flags").int(),
    sendLength: json.get("send_length").int(),
    maxSendLength: json.get("max_send_length").int(),
    sendDrops: json.get("send_drops").int(),
    mtu: json.get("mtu").int(),
    baudrate: count("baudrate"),
    inputPackets: count("input_packets"),
    inputErrors: count("input_errors"),
    outputPackets: count("output_packets"),
    outputErrors: count("output_errors"),
    collisions: count("collisions"),
    inputBytes: count("input_bytes"),
    outputBytes: count("output_bytes"),
    inputMcast: count("input_mcast"),
    outputMcast: count("output_mcast"),
    inputDropped: count("input_dropped"),
    outputDropped: count("output_dropped"),
  };
}

function statisticsFromJson(json: JsonReader): Statistics {
  return {
    resourceUsage: usage(json.get("rusage")),
    interfaces: json.get("ifdata").list().map(interfaceData),
    hypervisor: json.get("vmm").optional((counters) =>
      counters.list().map((one) => {
        const [key, value] = one.list();
        return { key: present(key).text(), value: present(value).int64() };
      }),
    ),
    memory: json.get("kinfo_mem").optional((memory) => ({
      vsize: memory.get("vsize").int64(),
      rss: memory.get("rss").int64(),
      tsize: memory.get("tsize").int64(),
      dsize: memory.get("dsize").int64(),
      ssize: memory.get("ssize").int64(),
      runtime: memory.get("runtime").int64(),
      cow: memory.get("cow").int(),
      start: timeValue(memory.get("start")),
    })),
  };
}

function dataFromJson(json: JsonReader): Data {
  const [key, value] = json.only();
  switch (key) {
    case "stats":
      return { kind: "statistics", statistics: statisticsFromJson(value) };
    case "console":
      return { kind: "console", timestamp: timeFromJson(value.get("time")), line: value.get("line_hex").hex() };
    case "block":
      return { kind: "block", bytes: value.optional((bytes) => bytes.hex()) };
    default:
      throw new JsonError(`${key} is no data`);
  }
}

/** A payload: the `value` of the vectors. */
export function payloadFromJson(json: JsonReader): Payload {
  const [key, value] = json.only();
  switch (key) {
    case "command":
      return { kind: "command", command: commandFromJson(value) };
    case "success":
      return { kind: "success", success: successFromJson(value) };
    case "failure":
      return { kind: "failure", text: value.text() };
    case "data":
      return { kind: "data", data: dataFromJson(value) };
    default:
      throw new JsonError(`${key} is no payload`);
  }
}

/**
 * A message: an object with `header` and `value`.
 *
 * @throws {JsonError} or {NameError}
 */
export function messageFromJson(json: JsonReader): Message {
  const header = json.get("header");
  return {
    header: { sequence: header.get("sequence").int64(), name: nameFromJson(header.get("name")) },
    payload: payloadFromJson(json.get("value")),
  };
}
