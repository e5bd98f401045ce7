/**
 * What is checked of a BHyve machine before anything is touched (daemon.md 17).
 *
 * @module
 */
import { type ByteString, toDisplay, toText } from "../../core/byte-string.ts";
import type { UnikernelArguments } from "../../core/unikernel.ts";
import { BackendRefusal } from "../backend.ts";

/** The most devices of a machine: those slots of its PCI bus that host bridge and LPC bridge leave. */
export const DEVICE_LIMIT = 30;

const NUMBER = /^(?:0|[1-9][0-9]{0,3})$/;

/** What stands for itself in the options of bhyve and in a device map: no comma, no white space. */
const PLAIN = /^[^\s,]+$/;

/**
 * `devices` by their numbers. On the wire they are a set, which is sorted by length before anything else, so they come
 * in another order than they were given (wire.md 21.6). Names that are no numbers are last.
 */
export function inDeviceOrder<T extends { readonly name: ByteString }>(devices: readonly T[]): readonly T[] {
  const order = ({ name }: T): number => (NUMBER.test(name) ? Number(name) : Number.MAX_SAFE_INTEGER);
  return devices.toSorted((a, b) => order(a) - order(b));
}

function requireNumbers<T extends { readonly name: ByteString }>(
  devices: readonly T[],
  describe: (device: T) => string,
): void {
  for (const [at, device] of inDeviceOrder(devices).entries()) {
    if (device.name === String(at)) continue;
    const name = toDisplay(device.name);
    throw new BackendRefusal(`${describe(device)} with name ${name} not in ascending order (expected ${at})`);
  }
}

function requireBootDisk({ blockDevices, linuxBootPartition }: UnikernelArguments): void {
  const disk = blockDevices.find(({ name }) => name === "0");
  if (disk === undefined) throw new BackendRefusal("couldn't find initial block device");
  if (disk.device === undefined) throw new BackendRefusal("no name for initial disk");
  if (linuxBootPartition === undefined || PLAIN.test(toText(linuxBootPartition) ?? "")) return;
  throw new BackendRefusal(
    `Cannot boot from the partition ${JSON.stringify(toDisplay(linuxBootPartition))}: it is no name of one. Give it as GRUB names it, e.g. gpt2 or msdos1`,
  );
}

/**
 * Checks a configuration: devices named 0, 1, …, a boot disk, at least one virtual CPU, no arguments.
 *
 * @throws {BackendRefusal} where the original has one, in its words
 */
export function checkBhyve(given: UnikernelArguments): void {
  const { networks, blockDevices } = given;
  requireNumbers(networks, ({ name, bridge }) => `network device on ${toDisplay(bridge ?? name)}`);
  requireNumbers(blockDevices, ({ name, device }) => `block device ${toDisplay(device ?? name)}`);
  requireBootDisk(given);
  if (networks.length + blockDevices.length > DEVICE_LIMIT) {
    throw new BackendRefusal(
      `Cannot attach ${networks.length + blockDevices.length} devices: a machine has room for ${DEVICE_LIMIT}. Use fewer`,
    );
  }
  if (given.cpus < 1) {
    throw new BackendRefusal(`Cannot run a machine with ${given.cpus} virtual CPUs: give at least one (--cpus)`);
  }
  if ((given.arguments ?? []).length > 0) {
    throw new BackendRefusal(
      "Cannot pass arguments to a BHyve machine: it boots from its disk. Leave them out (--arg)",
    );
  }
}

/**
 * A path of the host as it stands in an option of bhyve.
 *
 * @throws {BackendRefusal} if its characters would mean something else there
 */
export function plainPath(file: string): string {
  if (PLAIN.test(file)) return file;
  throw new BackendRefusal(
    `Cannot attach the block device "${file}": bhyve takes no comma and no white space in a path. Move the database directory or the device`,
  );
}
