/**
 * Encoding of configurations and restart arguments in their present form (wire.md 8).
 *
 * @module
 */
import { type ByteString, fromText } from "../byte-string.ts";
import type { Int } from "../int.ts";
import type { BlockDevice, FailBehaviour, NetworkDevice, UnikernelArguments, UnikernelConfig } from "../unikernel.ts";
import { isBackendType, parseUnikernelType, TYPE_RULE, type UnikernelType } from "../unikernel-type.ts";
import { DecodeError } from "./decode-error.ts";
import {
  alternative,
  type Codec,
  choice,
  convert,
  explicit,
  lazy,
  listOrAbsent,
  optional,
  sequence,
  sequenceOf,
  setOf,
  withDefault,
} from "./der-codec.ts";
import { ascending, bool, int, macAddress, nothing, octets, text } from "./der-primitives.ts";

/** SET OF INT: ascending and without duplicates. */
export const intSet: Codec<readonly Int[]> = lazy(() =>
  convert<readonly Int[], readonly Int[]>(setOf(int), ascending, ascending),
);

function backendType(name: ByteString): UnikernelType {
  const type = parseUnikernelType(name);
  if (type === undefined || !isBackendType(type)) {
    throw new DecodeError(`Cannot take this for the name of a backend: it has to be ${TYPE_RULE}`);
  }
  return type;
}

/** `Typ`. The original knows the first two, and closes the connection of whoever sends it a backend's name. */
export const typeCodec: Codec<UnikernelType> = lazy(() => {
  const solo5 = explicit(0, nothing);
  const bhyve = explicit(1, nothing);
  const backend = explicit(24, text);
  return choice<UnikernelType>(
    [alternative(solo5, () => "solo5"), alternative(bhyve, () => "bhyve")],
    (writer, value) => {
      if (isBackendType(value)) backend.write(writer, fromText(value));
      else (value === "solo5" ? solo5 : bhyve).write(writer, undefined);
    },
    [alternative(backend, backendType)],
  );
});

/** `FailBehaviour`. */
export const failBehaviourCodec: Codec<FailBehaviour> = lazy(() => {
  const quit = explicit(0, nothing);
  const restart = explicit(1, intSet);
  return choice<FailBehaviour>(
    [
      alternative(quit, () => ({ kind: "quit" })),
      alternative(restart, (exitCodes) => ({ kind: "restart", exitCodes })),
    ],
    (writer, value) => {
      if (value.kind === "quit") quit.write(writer, undefined);
      else restart.write(writer, value.exitCodes);
    },
  );
});

const blockDevice: Codec<BlockDevice> = lazy(() =>
  sequence<BlockDevice>({
    name: text,
    device: optional(text),
    sectorSize: optional(int),
  }),
);

const networkDevice: Codec<NetworkDevice> = lazy(() =>
  sequence<NetworkDevice>({
    name: text,
    bridge: optional(text),
    mac: optional(macAddress),
  }),
);

/** `blocks [0]`, left out when there are none. */
export const blockDevices: Codec<readonly BlockDevice[]> = lazy(() => listOrAbsent(explicit(0, setOf(blockDevice))));

/** `bridges [1]`, left out when there are none. */
export const networkDevices: Codec<readonly NetworkDevice[]> = lazy(() =>
  listOrAbsent(explicit(1, setOf(networkDevice))),
);

/** `arguments [2]`: an empty list is not the same as none. */
export const argumentList: Codec<readonly ByteString[] | undefined> = lazy(() =>
  optional(explicit(2, sequenceOf(text))),
);

/** What the present forms of configuration and arguments end with. */
const tail = () =>
  ({
    cpuIds: intSet,
    memory: int,
    blockDevices,
    networks: networkDevices,
    arguments: argumentList,
    cpus: withDefault<Int>(explicit(3, int), 1),
    linuxBootPartition: optional(explicit(4, text)),
  }) as const;

/** `Config`. */
export const configCodec: Codec<UnikernelConfig> = lazy(() =>
  sequence<UnikernelConfig>({
    type: typeCodec,
    compressed: bool,
    image: octets,
    startup: optional(int),
    addName: bool,
    failBehaviour: failBehaviourCodec,
    ...tail(),
  }),
);

/** `Arguments`. */
export const argumentsCodec: Codec<UnikernelArguments> = lazy(() =>
  sequence<UnikernelArguments>({
    failBehaviour: failBehaviourCodec,
    startup: optional(int),
    addName: bool,
    ...tail(),
  }),
);
