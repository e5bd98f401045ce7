/**
 * States, configurations and events for tests of the engine.
 *
 * @module
 */
import { type ByteString, fromText } from "../../../core/byte-string.ts";
import { apply } from "../../../core/engine/apply.ts";
import type { Event } from "../../../core/engine/event.ts";
import { EMPTY_STATE, type Run, type State, type UnikernelSpec } from "../../../core/engine/state.ts";
import { parseName } from "../../../core/name.ts";
import type { Policy } from "../../../core/policy.ts";
import type { BlockDevice, NetworkDevice, UnikernelArguments } from "../../../core/unikernel.ts";

/** A configuration without anything special. */
export function plain(changes: Partial<UnikernelArguments> = {}): UnikernelArguments {
  return {
    failBehaviour: { kind: "quit" },
    startup: undefined,
    addName: true,
    cpuIds: [0],
    memory: 10,
    blockDevices: [],
    networks: [],
    arguments: undefined,
    cpus: 1,
    linuxBootPartition: undefined,
    ...changes,
  };
}

/** What shall run. */
export function spec(changes: Partial<UnikernelArguments> = {}): UnikernelSpec {
  return { type: "solo5", image: { sha256: "00".repeat(32), size: 1 }, arguments: plain(changes) };
}

/** A process. */
export function run(instance = "i", startedAt = 1_000): Run {
  return { instance, pid: 7, processStart: 1, bootId: "b", startedAt, taps: [], launcher: "test" };
}

/** A policy that allows a lot, but for the changes. */
export function policy(changes: Partial<Policy> = {}): Policy {
  return { unikernels: 10, cpuIds: [0, 1], memory: 1_000, block: 100, bridges: [fromText("br")], ...changes };
}

/** A network on a bridge. */
export function on(bridge: string | undefined, name = "service"): NetworkDevice {
  return { name: fromText(name), bridge: bridge === undefined ? undefined : fromText(bridge), mac: undefined };
}

/** A block device. */
export function disk(device: string | undefined, name = "storage"): BlockDevice {
  return { name: fromText(name), device: device as ByteString | undefined, sectorSize: undefined };
}

/** The state after events. */
export function after(...events: readonly Event[]): State {
  return events.reduce(apply, EMPTY_STATE);
}

/** A unikernel that runs. */
export function running(name: string, changes: Partial<UnikernelArguments> = {}): readonly Event[] {
  const named = parseName(name);
  return [
    { kind: "unikernel-admitted", name: named, spec: spec(changes) },
    { kind: "unikernel-started", name: named, run: run(`run of ${name}`) },
  ];
}

/** A policy at a path. */
export function limit(path: string, changes: Partial<Policy> = {}): Event {
  return { kind: "policy-added", name: parseName(path), policy: policy(changes) };
}
