/**
 * Configurations and restart arguments of earlier releases, decode only (wire.md 8).
 *
 * All of them become the present form; what they lack gets the values the original gives it.
 *
 * @module
 */
import type { ByteString } from "../byte-string.ts";
import type { Int } from "../int.ts";
import type { BlockDevice, FailBehaviour, NetworkDevice, UnikernelArguments, UnikernelConfig } from "../unikernel.ts";
import type { UnikernelType } from "../unikernel-type.ts";
import {
  alternative,
  choiceDecoder,
  convertDecoder,
  type Decoder,
  explicit,
  lazyDecoder,
  listOrAbsent,
  optional,
  sequence,
  sequenceDecoder,
  sequenceOf,
  setOf,
} from "./der-codec.ts";
import { bool, int, octets, text } from "./der-primitives.ts";
import { argumentList, blockDevices, failBehaviourCodec, networkDevices, typeCodec } from "./unikernel-codec.ts";

/** What every old form but the very first has. */
interface Common {
  readonly failBehaviour: FailBehaviour;
  readonly cpuId: Int;
  readonly memory: Int;
  readonly blockDevices: readonly BlockDevice[];
  readonly networks: readonly NetworkDevice[];
  readonly arguments: readonly ByteString[] | undefined;
}

/** What came with `ArgumentsV1` and `ConfigV4`. */
interface Startup {
  readonly startup: Int | undefined;
  readonly addName: boolean;
}

interface Image {
  readonly type: UnikernelType;
  readonly compressed: boolean;
  readonly image: Uint8Array;
}

const noStartup: Startup = { startup: undefined, addName: true };

function presentArguments(old: Common, { startup, addName }: Startup): UnikernelArguments {
  return {
    failBehaviour: old.failBehaviour,
    startup,
    addName,
    cpuIds: [old.cpuId],
    memory: old.memory,
    blockDevices: old.blockDevices,
    networks: old.networks,
    arguments: old.arguments,
    cpus: 1,
    linuxBootPartition: undefined,
  };
}

function presentConfig(old: Common & Image, startup: Startup): UnikernelConfig {
  return { type: old.type, compressed: old.compressed, image: old.image, ...presentArguments(old, startup) };
}

function plainBlockDevice(name: ByteString): BlockDevice {
  return { name, device: undefined, sectorSize: undefined };
}

function plainNetwork(name: ByteString): NetworkDevice {
  return { name, bridge: undefined, mac: undefined };
}

const image = { type: typeCodec, compressed: bool, image: octets } as const;
const startup = () => ({ startup: optional(int), addName: bool }) as const;
const placement = { cpuId: int, memory: int } as const;
const devices = { blockDevices, networks: networkDevices, arguments: argumentList } as const;
const failBehaviour = failBehaviourCodec;

/** `ArgumentsV0`: of `[14][1]`. */
export const argumentsV0: Decoder<UnikernelArguments> = lazyDecoder(() =>
  convertDecoder(sequenceDecoder<Common>({ failBehaviour, ...placement, ...devices }), (old) =>
    presentArguments(old, noStartup),
  ),
);

/** `ArgumentsV1`: of `[14][2]`. */
export const argumentsV1: Decoder<UnikernelArguments> = lazyDecoder(() =>
  convertDecoder(sequenceDecoder<Common & Startup>({ failBehaviour, ...startup(), ...placement, ...devices }), (old) =>
    presentArguments(old, old),
  ),
);

/** `ConfigV4`: of `[16]` and `[17]`, and state format 5. */
export const configV4: Decoder<UnikernelConfig> = lazyDecoder(() =>
  convertDecoder(
    sequenceDecoder<Common & Image & Startup>({ ...image, ...startup(), failBehaviour, ...placement, ...devices }),
    (old) => presentConfig(old, old),
  ),
);

/** `ConfigV3`: of `[9]` and `[10]`, and state formats 3 and 4. */
export const configV3: Decoder<UnikernelConfig> = lazyDecoder(() =>
  convertDecoder(sequenceDecoder<Common & Image>({ ...image, failBehaviour, ...placement, ...devices }), (old) =>
    presentConfig(old, noStartup),
  ),
);

/** `blocks [0]` as plain names. */
const blockNames: Decoder<readonly BlockDevice[]> = lazyDecoder(() =>
  convertDecoder(listOrAbsent(explicit(0, setOf(text))), (names) => names.map(plainBlockDevice)),
);

interface OldNetwork {
  readonly name: ByteString;
  readonly bridge: ByteString | undefined;
}

const networksV2: Decoder<readonly NetworkDevice[]> = lazyDecoder(() =>
  convertDecoder(
    listOrAbsent(explicit(1, sequenceOf(sequence<OldNetwork>({ name: text, bridge: optional(text) })))),
    (networks) => networks.map(({ name, bridge }) => ({ name, bridge, mac: undefined })),
  ),
);

/** `ConfigV2`: of state format 2. */
export const configV2: Decoder<UnikernelConfig> = lazyDecoder(() =>
  convertDecoder(
    sequenceDecoder<Common & Image>({
      ...image,
      failBehaviour,
      ...placement,
      blockDevices: blockNames,
      networks: networksV2,
      arguments: argumentList,
    }),
    (old) => presentConfig(old, noStartup),
  ),
);

const networksV1: Decoder<readonly NetworkDevice[]> = lazyDecoder(() =>
  convertDecoder(listOrAbsent(explicit(1, setOf(text))), (names) => names.map(plainNetwork)),
);

/** `ConfigV1`: of state format 0. */
export const configV1: Decoder<UnikernelConfig> = lazyDecoder(() =>
  convertDecoder(
    sequenceDecoder<Common & Image>({
      ...image,
      failBehaviour,
      ...placement,
      blockDevices: blockNames,
      networks: networksV1,
      arguments: argumentList,
    }),
    (old) => presentConfig(old, noStartup),
  ),
);

type FirstImage = Omit<Image, "type">;

interface FirstConfig {
  readonly cpuId: Int;
  readonly memory: Int;
  readonly block: ByteString | undefined;
  readonly networks: readonly ByteString[] | undefined;
  readonly image: FirstImage;
  readonly arguments: readonly ByteString[] | undefined;
}

/** `ConfigV0`: of state format 1. */
export const configV0: Decoder<UnikernelConfig> = lazyDecoder(() =>
  convertDecoder(
    sequenceDecoder<FirstConfig>({
      ...placement,
      block: optional(text),
      networks: optional(sequenceOf(text)),
      // hvt-amd64, hvt-arm64, hvt-amd64-compressed
      image: choiceDecoder<FirstImage>([
        alternative(explicit(0, octets), (bytes) => ({ compressed: false, image: bytes })),
        alternative(explicit(1, octets), (bytes) => ({ compressed: false, image: bytes })),
        alternative(explicit(2, octets), (bytes) => ({ compressed: true, image: bytes })),
      ]),
      arguments: optional(sequenceOf(text)),
    }),
    (old) =>
      presentConfig(
        {
          type: "solo5",
          compressed: old.image.compressed,
          image: old.image.image,
          failBehaviour: { kind: "quit" },
          cpuId: old.cpuId,
          memory: old.memory,
          blockDevices: old.block === undefined ? [] : [plainBlockDevice(old.block)],
          networks: (old.networks ?? []).map(plainNetwork),
          arguments: old.arguments,
        },
        noStartup,
      ),
  ),
);
