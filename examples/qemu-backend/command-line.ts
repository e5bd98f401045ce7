/**
 * QEMU's command line for a unikernel.
 *
 * @module
 */
import type { CheckRequest, LaunchRequest } from "albatross/plugin";
import type { KernelKind } from "./kernel-image.ts";
import { Refusal } from "./refusal.ts";

/** Network and block devices together: the machine has slots for not many more. */
export const DEVICES_MAX = 24;

/** Virtual CPUs of this machine. */
export const CPUS_MAX = 255;

/** The longest command line of a kernel, bytes: Linux takes no longer one. */
export const KERNEL_LINE_MAX = 2047;

/** Sectors of disks, bytes: powers of two in this range. */
const [SECTOR_MIN, SECTOR_MAX] = [512, 32_768];

/** The argument that names an initial ram disk. */
const INITRD = "--initrd=";

/** A name of a file, and nothing but a name. */
const fileName = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/;

/** What the arguments of a unikernel say. */
export interface Boot {
  /** The name of a file among the initial ram disks. */
  readonly initrd: string | undefined;
  /** The kernel's command line, UTF-8. */
  readonly line: string;
}

type Given = Pick<CheckRequest, "arguments" | "nameArgument">;

/** Reads the arguments: at most one `--initrd=NAME`, all others are for the kernel. @throws {Refusal} */
export function bootOf({ arguments: given, nameArgument }: Given, kind: KernelKind): Boot {
  const words = (given.arguments ?? []).map((bytes) => Buffer.from(bytes, "latin1").toString());
  const initrds = words.filter((word) => word.startsWith(INITRD)).map((word) => word.slice(INITRD.length));
  const [initrd] = initrds;
  if (initrds.length > 1)
    throw new Refusal(`Cannot boot with ${initrds.length} initial ram disks: give ${INITRD}NAME once`);
  if (initrd !== undefined && !fileName.test(initrd)) {
    throw new Refusal(
      `Cannot boot with the initial ram disk ${initrd}: give the name of a file that the host has for it`,
    );
  }
  const rest = words.filter((word) => !word.startsWith(INITRD));
  // Linux would take it for a parameter of its first process.
  const name = kind === "multiboot" && nameArgument !== undefined ? [`--name=${nameArgument}`] : [];
  const line = [...name, ...rest].join(" ");
  if (Buffer.byteLength(line) > KERNEL_LINE_MAX) {
    throw new Refusal(`Cannot boot with arguments of ${Buffer.byteLength(line)} bytes: the most is ${KERNEL_LINE_MAX}`);
  }
  return { initrd, line };
}

/** What can be wrong about CPUs and devices. @throws {Refusal} */
export function checkDevices({ arguments: given }: Pick<CheckRequest, "arguments">): void {
  const { cpus, networks, blockDevices, linuxBootPartition } = given;
  if (cpus < 1 || cpus > CPUS_MAX)
    throw new Refusal(`Cannot run ${cpus} virtual CPUs by QEMU: 1 to ${CPUS_MAX} are possible`);
  const devices = networks.length + blockDevices.length;
  if (devices > DEVICES_MAX) throw new Refusal(`Cannot attach ${devices} devices by QEMU: ${DEVICES_MAX} are possible`);
  for (const { name, sectorSize } of blockDevices) {
    const size = Number(sectorSize ?? SECTOR_MIN);
    if (size >= SECTOR_MIN && size <= SECTOR_MAX && Number.isInteger(Math.log2(size))) continue;
    throw new Refusal(
      `Cannot attach ${name} with sectors of ${size} bytes: use a power of two, ${SECTOR_MIN} to ${SECTOR_MAX}`,
    );
  }
  if (linuxBootPartition !== undefined) {
    throw new Refusal("Cannot boot from a partition by QEMU: give the kernel as image, and root= as an argument");
  }
}

/** The host's CPU, but for what it says of its own weaknesses, which not every KVM lets through; or all there is. */
const cpus = { kvm: "host,arch-capabilities=off", tcg: "max" } as const;

/** What was chosen when the unikernel was checked. */
export interface Machine {
  readonly program: string;
  readonly accelerator: "kvm" | "tcg";
  readonly boot: Boot;
  /** Path of the initial ram disk. */
  readonly initrd: string | undefined;
}

/**
 * The command line. Objects are given as JSON, where no character of a name or path means anything.
 *
 * The console is a serial line that is only written: standard input is the same fifo, and what QEMU read from there would
 * be missing in the console.
 */
export function commandLine(
  { program, accelerator, boot, initrd }: Machine,
  request: LaunchRequest,
): readonly string[] {
  const { arguments: given, networks, blockDevices, imageFile } = request;
  const device = (properties: object) => ["-device", JSON.stringify(properties)];
  return [
    program,
    ...["-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"],
    ...["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-machine", "pc"],
    ...["-accel", accelerator, "-cpu", cpus[accelerator]],
    ...["-m", `${given.memory}M`, "-smp", String(given.cpus)],
    ...["-chardev", "file,id=console,path=/dev/stdout,append=on", "-serial", "chardev:console"],
    ...device({ driver: "isa-debug-exit", iobase: 0x501, iosize: 2 }), // where unikernels for virtio say their status
    ...networks.flatMap(({ tap, mac }, at) => [
      "-netdev",
      JSON.stringify({ type: "tap", id: `net${at}`, ifname: tap, script: "no", downscript: "no" }),
      ...device({ driver: "virtio-net-pci", netdev: `net${at}`, mac, romfile: "" }),
    ]),
    ...blockDevices.flatMap(({ file, sectorSize = SECTOR_MIN }, at) => [
      "-blockdev",
      JSON.stringify({ driver: "raw", "node-name": `block${at}`, file: { driver: "file", filename: file } }),
      ...device({
        driver: "virtio-blk-pci",
        drive: `block${at}`,
        logical_block_size: sectorSize,
        physical_block_size: sectorSize,
      }),
    ]),
    ...["-kernel", imageFile],
    ...(initrd === undefined ? [] : ["-initrd", initrd]),
    ...(boot.line === "" ? [] : ["-append", boot.line]),
  ];
}
