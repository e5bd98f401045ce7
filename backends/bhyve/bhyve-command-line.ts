/**
 * The command lines of BHyve's programs, as the original has them (daemon.md 17). The last word is the machine's name.
 *
 * @module
 */
import { toDisplay } from "../../core/byte-string.ts";
import type { UnikernelArguments } from "../../core/unikernel.ts";
import type { LaunchRequest } from "../backend.ts";
import { inDeviceOrder, plainPath } from "./bhyve-checks.ts";

/** The first slot of the PCI bus for devices; those before are the bridges'. */
const FIRST_SLOT = 2;

/** A machine's name as the last word of a command line. */
const MACHINE = /^alba-[0-9]{1,5}$/;

/** How many names of machines there are. */
const MACHINE_NAMES = 100_000;

/** A machine's name from a chance below 1. */
export function machineName(chance: number): string {
  return `alba-${Math.floor(chance * MACHINE_NAMES)}`;
}

/** The machine that a command line of one of these programs is about; `undefined` if it is another program's. */
export function machineOf(commandLine: readonly string[]): string | undefined {
  const last = commandLine.at(-1);
  return last !== undefined && MACHINE.test(last) ? last : undefined;
}

/**
 * The disk that the machine boots from.
 *
 * @throws {BackendRefusal} if its path cannot be passed on
 */
export function bootDisk(blockDevices: LaunchRequest["blockDevices"]): string {
  return plainPath(blockDevices.find(({ name }) => name === "0")?.file ?? "");
}

/** What `bhyveload` is given to load FreeBSD's own loader from a disk. */
export function bhyveloadArguments(memory: UnikernelArguments["memory"], disk: string, machine: string): string[] {
  return [`-m${memory}m`, `-d${disk}`, machine];
}

/** What `grub-bhyve` is given to boot from a partition of the disk in a device map. */
export function grubArguments(
  memory: UnikernelArguments["memory"],
  mapFile: string,
  partition: string,
  machine: string,
): string[] {
  return [`-m${mapFile}`, `-rhd0,${partition}`, `-M${memory}`, machine];
}

/** The content of the device map for `grub-bhyve`. */
export function deviceMap(disk: string): string {
  return `(hd0) ${disk}\n`;
}

/**
 * What `bhyve` is given to run the machine.
 *
 * @throws {BackendRefusal} if a path cannot be passed on
 */
export function bhyveArguments(request: LaunchRequest, machine: string): string[] {
  const { memory, cpus } = request.arguments;
  const devices = [
    ...inDeviceOrder(request.networks).map(({ tap, mac }) => `virtio-net,${tap},mac=${mac}`),
    ...inDeviceOrder(request.blockDevices).map(({ file, sectorSize }) => {
      const size = sectorSize === undefined ? "" : `,sectorsize=${sectorSize}`;
      return `virtio-blk,${plainPath(file)}${size}`;
    }),
  ];
  return [
    ...["-A", "-H", "-P", "-s0,hostbridge", "-s1,lpc"],
    ...devices.map((device, at) => `-s${FIRST_SLOT + at},${device}`),
    ...["-lcom1,stdio", `-c${cpus}`, `-m${memory}M`, machine],
  ];
}

/** The partition as text; checked before. */
export function partitionOf({ linuxBootPartition }: UnikernelArguments): string | undefined {
  return linuxBootPartition === undefined ? undefined : toDisplay(linuxBootPartition);
}
