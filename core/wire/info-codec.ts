/**
 * Encoding of what is reported about running unikernels, now and in earlier releases (wire.md 8).
 *
 * @module
 */
import type { Int } from "../int.ts";
import type { BlockDeviceInfo, NetworkDeviceInfo, UnikernelInfo } from "../unikernel.ts";
import {
  type Codec,
  convert,
  explicit,
  lazy,
  listOrAbsent,
  optional,
  sequence,
  setOf,
  withDefault,
} from "./der-codec.ts";
import { ascending, int, macAddress, octets, text } from "./der-primitives.ts";
import { time } from "./der-time.ts";
import { argumentList, failBehaviourCodec, intSet, typeCodec } from "./unikernel-codec.ts";

const blockDevice: Codec<BlockDeviceInfo> = lazy(() =>
  sequence<BlockDeviceInfo>({
    name: text,
    device: text,
    sectorSize: int,
    size: int,
  }),
);

const networkDevice: Codec<NetworkDeviceInfo> = lazy(() =>
  sequence<NetworkDeviceInfo>({
    name: text,
    bridge: text,
    mac: macAddress,
  }),
);

const description = () =>
  ({
    memory: int,
    digest: octets,
    blockDevices: listOrAbsent(explicit(0, setOf(blockDevice))),
    networks: listOrAbsent(explicit(1, setOf(networkDevice))),
    arguments: argumentList,
    started: withDefault<number>(explicit(3, time), 0),
  }) as const;

/** `Info`. */
export const infoCodec: Codec<UnikernelInfo> = lazy(() =>
  sequence<UnikernelInfo>({
    type: typeCodec,
    startup: optional(int),
    failBehaviour: failBehaviourCodec,
    cpuIds: intSet,
    ...description(),
    cpus: withDefault<Int>(explicit(4, int), 1),
    linuxBootPartition: optional(explicit(5, text)),
  }),
);

type InfoV5 = Omit<UnikernelInfo, "cpus" | "linuxBootPartition">;
type InfoV4 = Omit<InfoV5, "startup">;

/** Old infos know one CPU id: of several it is the smallest, of none 0 (the original fails here, wire.md 21.5). */
const singleCpuId: Codec<readonly Int[]> = lazy(() =>
  convert<Int, readonly Int[]>(
    int,
    (id) => [id],
    (ids) => ascending(ids)[0] ?? 0,
  ),
);

const v5 = lazy(() =>
  sequence<InfoV5>({
    type: typeCodec,
    startup: optional(int),
    failBehaviour: failBehaviourCodec,
    cpuIds: singleCpuId,
    ...description(),
  }),
);

const v4 = lazy(() =>
  sequence<InfoV4>({
    type: typeCodec,
    failBehaviour: failBehaviourCodec,
    cpuIds: singleCpuId,
    ...description(),
  }),
);

const later = { cpus: 1, linuxBootPartition: undefined } as const;

/** `InfoV5`. */
export const infoV5Codec: Codec<UnikernelInfo> = lazy(() =>
  convert<InfoV5, UnikernelInfo>(
    v5,
    (old) => ({ ...old, ...later }),
    (info) => info,
  ),
);

/** `InfoV4`. */
export const infoV4Codec: Codec<UnikernelInfo> = lazy(() =>
  convert<InfoV4, UnikernelInfo>(
    v4,
    (old) => ({ ...old, startup: undefined, ...later }),
    (info) => info,
  ),
);
