/**
 * Policies, configurations and infos as JSON.
 *
 * @module
 */
import type { Policy } from "../../core/policy.ts";
import type { FailBehaviour, UnikernelArguments, UnikernelConfig, UnikernelInfo } from "../../core/unikernel.ts";
import { bytesToJson, intToJson, type Json, optionalTextToJson, textToJson, timeToJson, toHex } from "./json-values.ts";

/** A policy. */
export function policyToJson(policy: Policy): Json {
  return {
    unikernels: intToJson(policy.unikernels),
    cpuids: policy.cpuIds.map(intToJson),
    memory: intToJson(policy.memory),
    block: policy.block === undefined ? null : intToJson(policy.block),
    bridges: policy.bridges.map(textToJson),
  };
}

function failBehaviourToJson(behaviour: FailBehaviour): Json {
  if (behaviour.kind === "quit") return "quit";
  return { restart: behaviour.exitCodes.length === 0 ? null : behaviour.exitCodes.map(intToJson) };
}

/** Restart arguments. */
export function argumentsToJson(value: UnikernelArguments): { readonly [key: string]: Json } {
  return {
    fail_behaviour: failBehaviourToJson(value.failBehaviour),
    startup: value.startup === undefined ? null : intToJson(value.startup),
    add_name: value.addName,
    cpuids: value.cpuIds.map(intToJson),
    memory: intToJson(value.memory),
    block_devices: value.blockDevices.map(({ name, device, sectorSize }) => [
      textToJson(name),
      optionalTextToJson(device),
      sectorSize === undefined ? null : intToJson(sectorSize),
    ]),
    bridges: value.networks.map(({ name, bridge, mac }) => [textToJson(name), optionalTextToJson(bridge), mac ?? null]),
    argv: value.arguments === undefined ? null : value.arguments.map(textToJson),
    numcpus: intToJson(value.cpus),
    linux_boot_partition: optionalTextToJson(value.linuxBootPartition),
  };
}

/** A configuration. */
export function configToJson(config: UnikernelConfig): Json {
  return {
    typ: config.type,
    compressed: config.compressed,
    image: bytesToJson(config.image),
    ...argumentsToJson(config),
  };
}

/** An info. */
export function infoToJson(info: UnikernelInfo): Json {
  return {
    typ: info.type,
    fail_behaviour: failBehaviourToJson(info.failBehaviour),
    startup: info.startup === undefined ? null : intToJson(info.startup),
    cpuids: info.cpuIds.map(intToJson),
    memory: intToJson(info.memory),
    block_devices: info.blockDevices.map(({ name, device, sectorSize, size }) => ({
      unikernel_device: textToJson(name),
      host_device: textToJson(device),
      sector_size: intToJson(sectorSize),
      size: intToJson(size),
    })),
    bridges: info.networks.map(({ name, bridge, mac }) => ({
      unikernel_device: textToJson(name),
      host_device: textToJson(bridge),
      mac,
    })),
    argv: info.arguments === undefined ? null : info.arguments.map(textToJson),
    digest: toHex(info.digest),
    started: timeToJson(info.started),
    numcpus: intToJson(info.cpus),
    linux_boot_partition: optionalTextToJson(info.linuxBootPartition),
  };
}
