/**
 * The configuration that the options of `create` and `restart` describe.
 *
 * @module
 */
import { sortedSet } from "../core/int.ts";
import type { UnikernelArguments } from "../core/unikernel.ts";
import type { CommandDefinition, Values } from "./command.ts";
import type { unikernelOptions } from "./options/unikernel.ts";
import { UsageError } from "./usage-error.ts";

type UnikernelValues = Values<CommandDefinition<Record<never, never>, typeof unikernelOptions>>;

/**
 * Everything of a configuration but image and type.
 *
 * @throws {UsageError} if a device is given twice
 */
export function unikernelArguments(values: UnikernelValues): UnikernelArguments {
  if (!isSet(values.networks.map(({ name }) => name))) throw new UsageError("Bridge names must be a set");
  if (!isSet(values.blocks.map(({ name }) => name))) throw new UsageError("Block devices must be a set");
  return {
    failBehaviour: values.restartOnFail
      ? { kind: "restart", exitCodes: sortedSet(values.exitCodes) }
      : { kind: "quit" },
    startup: values.startup,
    addName: !values.noAddName,
    cpuIds: sortedSet(values.cpuIds),
    memory: values.memory,
    blockDevices: values.blocks,
    networks: values.networks,
    arguments: values.arguments.length === 0 ? undefined : values.arguments,
    cpus: values.cpus,
    linuxBootPartition: values.linuxBoot,
  };
}

function isSet(names: readonly string[]): boolean {
  return new Set(names).size === names.length;
}
