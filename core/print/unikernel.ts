/**
 * Printed configurations, arguments and infos of unikernels (client.md 8).
 *
 * @module
 */
import { type ByteString, fromBytes } from "../byte-string.ts";
import type {
  BlockDevice,
  FailBehaviour,
  NetworkDevice,
  UnikernelArguments,
  UnikernelConfig,
  UnikernelInfo,
} from "../unikernel.ts";
import type { UnikernelType } from "../unikernel-type.ts";
import { fill, type PrintStyle } from "./style.ts";
import { printTime } from "./time.ts";

function typ(type: UnikernelType): string {
  return `typ ${type === "bhyve" ? "BHyve" : type}`;
}

function failBehaviour(behaviour: FailBehaviour): string {
  if (behaviour.kind === "quit") return "fail behaviour quit";
  const codes = behaviour.exitCodes.length === 0 ? "all except 1" : behaviour.exitCodes.join(", ");
  return `fail behaviour restart ${codes}`;
}

function orNotSpecified(value: unknown): string {
  return value === undefined ? "not specified" : String(value);
}

function argv(style: PrintStyle, list: readonly ByteString[] | undefined): readonly string[] {
  return style.verbose ? [`argv ${list === undefined ? "no" : list.join(" ")}`] : [];
}

function blockDevice({ name, device, sectorSize }: BlockDevice): string {
  return `${name} -> ${device ?? name}${sectorSize === undefined ? "" : `, sector-size: ${sectorSize}`}`;
}

function network({ name, bridge, mac }: NetworkDevice): string {
  return `${name} -> ${bridge ?? name}${mac === undefined ? "" : `@${mac}`}`;
}

/** What configuration and arguments have in common, behind the fail behaviour. */
function commonParts(value: UnikernelArguments): readonly string[] {
  return [
    `startup at ${orNotSpecified(value.startup)}`,
    `add_name ${value.addName}`,
    `CPUids ${value.cpuIds.join(", ")}`,
    `${value.memory} MB memory`,
    `block devices ${value.blockDevices.map(blockDevice).join(", ")}`,
    `bridge ${value.networks.map(network).join(", ")}`,
    `#cpus ${value.cpus}`,
  ];
}

/** A configuration, of whose image only the size is printed. */
export type PrintedConfig = Omit<UnikernelConfig, "image"> & { readonly image: { readonly length: number } };

/** A configuration. `lead` is what stands on the line before it. */
export function printConfig(config: PrintedConfig, style: PrintStyle, lead = ""): ByteString {
  const parts = [
    `compression ${config.compressed} image ${config.image.length} bytes`,
    failBehaviour(config.failBehaviour),
    ...commonParts(config),
    `linux_boot ${orNotSpecified(config.linuxBootPartition)}`,
    ...argv(style, config.arguments),
  ];
  return fill(`${lead}${typ(config.type)}`, parts, style.columns, !style.boxed) as ByteString;
}

/** The arguments of a restart. `lead` is what stands on the line before them. */
export function printArguments(value: UnikernelArguments, style: PrintStyle, lead = ""): ByteString {
  const parts = [
    ...commonParts(value),
    `linux_boot_partition ${orNotSpecified(value.linuxBootPartition)}`,
    ...argv(style, value.arguments),
  ];
  return fill(`${lead}${failBehaviour(value.failBehaviour)}`, parts, style.columns, !style.boxed) as ByteString;
}

/** An info. `lead` is what stands on the line before it. */
export function printInfo(info: UnikernelInfo, style: PrintStyle, lead = ""): ByteString {
  const blocks = info.blockDevices.map(
    ({ name, device, sectorSize, size }) => `${name} -> ${device} (sector-size: ${sectorSize} bytes, size ${size} MB)`,
  );
  const networks = info.networks.map(({ name, bridge, mac }) => `${name} -> ${bridge} (mac ${mac})`);
  const parts = [
    `started ${printTime(info.started)}`,
    failBehaviour(info.failBehaviour),
    `startup at ${orNotSpecified(info.startup)}`,
    `CPUids ${info.cpuIds.join(", ")}`,
    `${info.memory} MB memory`,
    `block devices ${blocks.join(", ")}`,
    `bridge ${networks.join(", ")}`,
    info.type === "bhyve" ? `bhyve-vmname ${fromBytes(info.digest)}` : `digest ${info.digest.toHex()}`,
    `#cpus ${info.cpus}`,
    `linux_boot_partition ${orNotSpecified(info.linuxBootPartition)}`,
    ...argv(style, info.arguments),
  ];
  return fill(`${lead}${typ(info.type)}`, parts, style.columns, !style.boxed) as ByteString;
}
