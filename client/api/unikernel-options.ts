/**
 * Configurations of unikernels as callers give them.
 *
 * @module
 */
import { fromText } from "../../core/byte-string.ts";
import { type Int, sortedSet } from "../../core/int.ts";
import { parseMac } from "../../core/mac.ts";
import type { MacAddress, UnikernelArguments } from "../../core/unikernel.ts";
import { InputError } from "../errors.ts";
import type { WatchOptions } from "./started.ts";
import type { CallOptions } from "./transport.ts";

/**
 * A network device.
 *
 * @example
 * ```ts
 * import { type BlockOptions, connect, InputError, type NetworkOptions } from "albatross";
 *
 * const networks: NetworkOptions[] = [{ name: "service", bridge: "br0", mac: "00:80:41:01:02:03" }];
 * const blocks: BlockOptions[] = [{ name: "storage", device: "data", sectorSize: 4096 }];
 * const albatross = await connect({ tmpdir: "/run/albatross" });
 * try {
 *   await albatross.create("web", { image: "hello.hvt", networks, blocks });
 * } catch (error) {
 *   if (!(error instanceof InputError) || error.code !== "image") throw error; // this image has no devices
 * }
 * ```
 */
export interface NetworkOptions {
  /** The name in the image's manifest. */
  readonly name: string;
  /** The host's bridge; called as the device unless given. */
  readonly bridge?: string | undefined;
  /** As `00:80:41:01:02:03`; derived from the names unless given. */
  readonly mac?: string | undefined;
}

/** A block device of a unikernel. */
export interface BlockOptions {
  /** The name in the image's manifest. */
  readonly name: string;
  /** The host's device, on the path of the unikernel; called as the one of the image unless given. */
  readonly device?: string | undefined;
  /** Bytes, a power of two of at least 512. @default {512} */
  readonly sectorSize?: Int | undefined;
}

/**
 * What a unikernel gets, and what happens when it ends.
 *
 * @example
 * ```ts
 * import { connect, type UnikernelOptions } from "albatross";
 *
 * const small: UnikernelOptions = { memoryMb: 16, restartOnFail: true, arguments: ["--hello=Hi"] };
 * const albatross = await connect({ tmpdir: "/run/albatross" });
 * await albatross.create("web", { ...small, image: "hello.hvt" });
 * ```
 */
export interface UnikernelOptions {
  /** MiB. @default {32} */
  readonly memoryMb?: Int | undefined;
  /** The host's CPUs that it may run on. @default {[0]} */
  readonly cpuIds?: readonly Int[] | undefined;
  /** Its arguments. */
  readonly arguments?: readonly string[] | undefined;
  readonly networks?: readonly NetworkOptions[] | undefined;
  readonly blocks?: readonly BlockOptions[] | undefined;
  /** Whether it is started again when it ends by itself. @default {false} */
  readonly restartOnFail?: boolean | undefined;
  /** With which exit codes it is started again; all but 1 unless given. Only with `restartOnFail`. */
  readonly exitCodes?: readonly Int[] | undefined;
  /** When it is started after the host was: lower comes first. Counts as 50 unless given. */
  readonly startup?: Int | undefined;
  /** Whether `--name=NAME` comes before its arguments. @default {true} */
  readonly addName?: boolean | undefined;
  /** Virtual CPUs, BHyve only. @default {1} */
  readonly cpus?: Int | undefined;
  /** BHyve only. */
  readonly linuxBootPartition?: string | undefined;
}

/**
 * How a unikernel is restarted.
 *
 * @example
 * ```ts
 * import { connect, type RestartOptions } from "albatross";
 *
 * const options: RestartOptions = { replace: { memoryMb: 32, arguments: ["interval=50"] } };
 * const albatross = await connect({ tmpdir: "/run/albatross" });
 * await albatross.restart("hello", options);
 * ```
 */
export interface RestartOptions extends WatchOptions, CallOptions {
  /** Takes the place of the whole configuration but for image and type: what is not given becomes the default. */
  readonly replace?: UnikernelOptions | undefined;
}

const MEMORY_MB = 32;
const SECTOR_BYTES_MIN = 512n;

/** @throws {InputError} `argument` */
export function unikernelArguments(options: UnikernelOptions): UnikernelArguments {
  const { networks = [], blocks = [], restartOnFail = false, exitCodes = [] } = options;
  const { memoryMb = MEMORY_MB, cpuIds = [0], cpus = 1, linuxBootPartition } = options;
  if (memoryMb < 1) throw new InputError("argument", `Cannot run a unikernel with ${memoryMb} MB of memory`);
  if (cpuIds.length === 0) throw new InputError("argument", "Cannot run a unikernel without a CPU: cpuIds is empty");
  checkNames("networks", networks);
  checkNames("blocks", blocks);
  return {
    failBehaviour: restartOnFail ? { kind: "restart", exitCodes: sortedSet(exitCodes) } : { kind: "quit" },
    startup: options.startup,
    addName: options.addName ?? true,
    cpuIds: sortedSet(cpuIds),
    memory: memoryMb,
    blockDevices: blocks.map(({ name, device, sectorSize }) => ({
      name: fromText(name),
      device: device === undefined ? undefined : fromText(device),
      sectorSize: checkSectorSize(sectorSize),
    })),
    networks: networks.map(({ name, bridge, mac }) => ({
      name: fromText(name),
      bridge: bridge === undefined ? undefined : fromText(bridge),
      mac: mac === undefined ? undefined : asMac(mac),
    })),
    arguments: options.arguments?.map(fromText),
    cpus,
    linuxBootPartition: linuxBootPartition === undefined ? undefined : fromText(linuxBootPartition),
  };
}

function checkNames(what: string, devices: readonly { readonly name: string }[]): void {
  const names = devices.map(({ name }) => name);
  if (names.includes("")) throw new InputError("argument", `Cannot use a device without a name: see ${what}`);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw new InputError("argument", `Cannot use the device ${twice} twice: see ${what}`);
}

function checkSectorSize(size: Int | undefined): Int | undefined {
  if (size === undefined) return undefined;
  const bits = Number.isInteger(size) || typeof size === "bigint" ? BigInt(size) : 0n;
  if (bits >= SECTOR_BYTES_MIN && (bits & (bits - 1n)) === 0n) return size;
  throw new InputError("argument", `Cannot use sectors of ${size} bytes: a power of two of at least 512 is needed`);
}

function asMac(text: string): MacAddress {
  const mac = parseMac(text);
  if (mac === undefined) {
    throw new InputError("argument", `Cannot use ${text} as a MAC address: write it like 00:80:41:01:02:03`);
  }
  return mac;
}
