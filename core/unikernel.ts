/**
 * Configurations of unikernels and what is reported about them (wire.md 8).
 *
 * @module
 */
import type { ByteString } from "./byte-string.ts";
import type { Int } from "./int.ts";
import type { UnikernelType } from "./unikernel-type.ts";

/** What happens when a unikernel ends by itself. */
export type FailBehaviour =
  | { readonly kind: "quit" }
  /** Restart it; `exitCodes` (ascending, unique) limits that to these exit codes, empty means any allowed one. */
  | { readonly kind: "restart"; readonly exitCodes: readonly Int[] };

/** A block device of a unikernel. */
export interface BlockDevice {
  /** The name in the image's manifest. */
  readonly name: ByteString;
  /** The host's block device below the unikernel's path; `undefined` means the same as `name`. */
  readonly device: ByteString | undefined;
  /** Bytes; `undefined` means 512. */
  readonly sectorSize: Int | undefined;
}

/** A network device of a unikernel. */
export interface NetworkDevice {
  /** The name in the image's manifest. */
  readonly name: ByteString;
  /** The host's bridge; `undefined` means the same as `name`. */
  readonly bridge: ByteString | undefined;
  /** `00:80:41:01:02:03`, lower case; `undefined` means the derived one (wire.md 16). */
  readonly mac: MacAddress | undefined;
}

/** Six bytes as lower-case hex, separated by colons. */
export type MacAddress = string & { readonly __brand: "MacAddress" };

/** All of a configuration that `restart --replace-arguments` can replace. */
export interface UnikernelArguments {
  readonly failBehaviour: FailBehaviour;
  /** Start-up priority, lower first; `undefined` counts as 50. */
  readonly startup: Int | undefined;
  /** Whether `--name=<name>` is put before the arguments. */
  readonly addName: boolean;
  /** Host CPU ids to run on: ascending, unique. */
  readonly cpuIds: readonly Int[];
  /** MiB. */
  readonly memory: Int;
  readonly blockDevices: readonly BlockDevice[];
  readonly networks: readonly NetworkDevice[];
  /** `undefined` where no list was given, which is not the same on the wire as an empty one. */
  readonly arguments: readonly ByteString[] | undefined;
  /** Virtual CPUs, BHyve only. */
  readonly cpus: Int;
  /** BHyve only. */
  readonly linuxBootPartition: ByteString | undefined;
}

/** A complete configuration, as create and force-create carry it. */
export interface UnikernelConfig extends UnikernelArguments {
  readonly type: UnikernelType;
  /** Whether `image` is a zlib stream. */
  readonly compressed: boolean;
  readonly image: Uint8Array;
}

/** A block device as reported. */
export interface BlockDeviceInfo {
  readonly name: ByteString;
  readonly device: ByteString;
  /** Bytes. */
  readonly sectorSize: Int;
  /** MiB; 0 if unknown. */
  readonly size: Int;
}

/** A network device as reported. */
export interface NetworkDeviceInfo {
  readonly name: ByteString;
  readonly bridge: ByteString;
  readonly mac: MacAddress;
}

/** What info tells of a running unikernel. */
export interface UnikernelInfo {
  readonly type: UnikernelType;
  readonly startup: Int | undefined;
  readonly failBehaviour: FailBehaviour;
  readonly cpuIds: readonly Int[];
  /** MiB. */
  readonly memory: Int;
  /** SHA-256 of the uncompressed image (32 bytes), or without image the machine's name in ASCII. */
  readonly digest: Uint8Array;
  readonly blockDevices: readonly BlockDeviceInfo[];
  readonly networks: readonly NetworkDeviceInfo[];
  readonly arguments: readonly ByteString[] | undefined;
  /** Milliseconds since 1970. */
  readonly started: number;
  readonly cpus: Int;
  readonly linuxBootPartition: ByteString | undefined;
}
