/**
 * Policies, configurations and infos from JSON.
 *
 * @module
 */
import { sortedSet } from "../../core/int.ts";
import { parseMac } from "../../core/mac.ts";
import type { Policy } from "../../core/policy.ts";
import type {
  FailBehaviour,
  MacAddress,
  NetworkDevice,
  UnikernelArguments,
  UnikernelConfig,
  UnikernelInfo,
} from "../../core/unikernel.ts";
import { parseUnikernelType, type UnikernelType } from "../../core/unikernel-type.ts";
import { JsonError, type JsonReader } from "./json-reader.ts";

/** A policy. */
export function policyFromJson(json: JsonReader): Policy {
  const bridges = json
    .get("bridges")
    .list()
    .map((one) => one.text());
  return {
    unikernels: json.get("unikernels").int(),
    cpuIds: sortedSet(
      json
        .get("cpuids")
        .list()
        .map((one) => one.int()),
    ),
    memory: json.get("memory").int(),
    block: json.get("block").optional((one) => one.int()),
    bridges: [...new Set(bridges)].sort((a, b) => (a < b ? -1 : 1)),
  };
}

/**
 * A fail behaviour. An empty list of exit codes cannot be told from none on the wire; both become "any allowed code".
 */
export function failBehaviourFromJson(json: JsonReader): FailBehaviour {
  const [key, content] = json.only();
  if (key === "quit") return { kind: "quit" };
  if (key !== "restart") throw new JsonError(`${key} is no fail behaviour`);
  const codes = content.optional((one) => one.list().map((code) => code.int()));
  return { kind: "restart", exitCodes: sortedSet(codes ?? []) };
}

function macFromJson(json: JsonReader): MacAddress {
  const mac = parseMac(json.string());
  if (mac === undefined) throw new JsonError(`${json.string()} is no MAC address`);
  return mac;
}

/** Network devices: `[name, bridge, mac]` each. */
export function networksFromJson(json: JsonReader): readonly NetworkDevice[] {
  return json.list().map((one) => {
    const [name, bridge, mac] = one.list();
    if (name === undefined) throw new JsonError("a network device needs a name");
    return { name: name.text(), bridge: bridge?.optional((it) => it.text()), mac: mac?.optional(macFromJson) };
  });
}

/** Restart arguments. */
export function argumentsFromJson(json: JsonReader): UnikernelArguments {
  return {
    failBehaviour: failBehaviourFromJson(json.get("fail_behaviour")),
    startup: json.get("startup").optional((one) => one.int()),
    addName: json.get("add_name").boolean(),
    cpuIds: sortedSet(
      json
        .get("cpuids")
        .list()
        .map((one) => one.int()),
    ),
    memory: json.get("memory").int(),
    blockDevices: json
      .get("block_devices")
      .list()
      .map((one) => {
        const [name, device, sectorSize] = one.list();
        if (name === undefined) throw new JsonError("a block device needs a name");
        return {
          name: name.text(),
          device: device?.optional((it) => it.text()),
          sectorSize: sectorSize?.optional((it) => it.int()),
        };
      }),
    networks: networksFromJson(json.get("bridges")),
    arguments: json.get("argv").optional((one) => one.list().map((argument) => argument.text())),
    cpus: json.get("numcpus").int(),
    linuxBootPartition: json.get("linux_boot_partition").optional((one) => one.text()),
  };
}

function typeFromJson(json: JsonReader): UnikernelType {
  const type = parseUnikernelType(json.string());
  if (type === undefined) throw new JsonError(`${json.string()} is no type of unikernel`);
  return type;
}

/** A configuration. */
export function configFromJson(json: JsonReader): UnikernelConfig {
  return {
    type: typeFromJson(json.get("typ")),
    compressed: json.get("compressed").boolean(),
    image: json.get("image").hex(),
    ...argumentsFromJson(json),
  };
}

const PICOSECONDS = 1_000_000_000n;

/** An instant as milliseconds since 1970. Of what is finer only remains that there is something, as half a millisecond. */
export function timeFromJson(json: JsonReader): number {
  const picoseconds = json.get("ps").bigint();
  const milliseconds = json.get("days").bigint() * 86_400_000n + picoseconds / PICOSECONDS;
  return Number(milliseconds) + (picoseconds % PICOSECONDS === 0n ? 0 : 0.5);
}

/** An info. */
export function infoFromJson(json: JsonReader): UnikernelInfo {
  return {
    type: typeFromJson(json.get("typ")),
    startup: json.get("startup").optional((one) => one.int()),
    failBehaviour: failBehaviourFromJson(json.get("fail_behaviour")),
    cpuIds: sortedSet(
      json
        .get("cpuids")
        .list()
        .map((one) => one.int()),
    ),
    memory: json.get("memory").int(),
    digest: json.get("digest").hex(),
    blockDevices: json
      .get("block_devices")
      .list()
      .map((one) => ({
        name: one.get("unikernel_device").text(),
        device: one.get("host_device").text(),
        sectorSize: one.get("sector_size").int(),
        size: one.get("size").int(),
      })),
    networks: json
      .get("bridges")
      .list()
      .map((one) => ({
        name: one.get("unikernel_device").text(),
        bridge: one.get("host_device").text(),
        mac: macFromJson(one.get("mac")),
      })),
    arguments: json.get("argv").optional((one) => one.list().map((argument) => argument.text())),
    started: timeFromJson(json.get("started")),
    cpus: json.get("numcpus").int(),
    linuxBootPartition: json.get("linux_boot_partition").optional((one) => one.text()),
  };
}
