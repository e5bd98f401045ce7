/**
 * Encoding of replies and data (wire.md 6, 7).
 *
 * @module
 */
import type { Int } from "../int.ts";
import type { TimedEvent } from "../log/event.ts";
import type { Policy } from "../policy.ts";
import type { UnikernelInfo } from "../unikernel.ts";
import { alternative, type Codec, choice, explicit, lazy, sequence, sequenceOf } from "./der-codec.ts";
import { bool, int, nameCodec, nothing, octets, rawText, text } from "./der-primitives.ts";
import { time } from "./der-time.ts";
import { infoCodec, infoV4Codec, infoV5Codec } from "./info-codec.ts";
import { logData, orDropped } from "./log-codec.ts";
import type { Data, Named, Success } from "./message.ts";
import { policyCodec } from "./policy-codec.ts";
import { statisticsCodec } from "./statistics-codec.ts";

type NamedPolicy = Named<{ readonly policy: Policy }>;
type NamedDevice = Named<{ readonly size: Int; readonly active: boolean }>;
type NamedInfo = Named<{ readonly info: UnikernelInfo }>;
interface Image {
  readonly compressed: boolean;
  readonly image: Uint8Array;
}

function namedInfos(info: Codec<UnikernelInfo>): Codec<readonly NamedInfo[]> {
  return lazy(() => sequenceOf(sequence<NamedInfo>({ name: nameCodec, info })));
}

const image = lazy(() => sequence<Image>({ compressed: bool, image: octets }));

const empty = explicit(0, nothing);
const string = explicit(1, text);
const policies = explicit(
  2,
  lazy(() => sequenceOf(sequence<NamedPolicy>({ name: nameCodec, policy: policyCodec }))),
);
const blockDevices = explicit(
  4,
  lazy(() => sequenceOf(sequence<NamedDevice>({ name: nameCodec, size: int, active: bool }))),
);
const unikernelImage = explicit(6, image);
const oldBlockDeviceImage = explicit(7, image);
const infos4 = explicit(9, namedInfos(infoV4Codec));
const blockDeviceImage = explicit(10, bool);
const infos5 = explicit(11, namedInfos(infoV5Codec));
const consoles = explicit(12, sequenceOf(nameCodec));
const infos = explicit(13, namedInfos(infoCodec));

/** `Success`. */
export const successCodec: Codec<Success> = choice<Success>(
  [
    alternative(empty, () => ({ kind: "empty" })),
    alternative(string, (value) => ({ kind: "string", text: value })),
    alternative(policies, (value) => ({ kind: "policies", policies: value })),
    alternative(blockDevices, (devices) => ({ kind: "block-devices", devices })),
    alternative(unikernelImage, (value) => ({ kind: "unikernel-image", ...value })),
    alternative(oldBlockDeviceImage, (value) => ({ kind: "old-block-device-image", ...value })),
    alternative(infos4, (unikernels) => ({ kind: "unikernels-old", generation: 4, unikernels })),
    alternative(blockDeviceImage, (compressed) => ({ kind: "block-device-image", compressed })),
    alternative(infos5, (unikernels) => ({ kind: "unikernels-old", generation: 5, unikernels })),
    alternative(consoles, (names) => ({ kind: "consoles", names })),
    alternative(infos, (unikernels) => ({ kind: "unikernels", unikernels })),
  ],
  (writer, success) => {
    switch (success.kind) {
      case "empty":
        return empty.write(writer, undefined);
      case "string":
        return string.write(writer, success.text);
      case "policies":
        return policies.write(writer, success.policies);
      case "block-devices":
        return blockDevices.write(writer, success.devices);
      case "unikernel-image":
        return unikernelImage.write(writer, success);
      case "old-block-device-image":
        return oldBlockDeviceImage.write(writer, success);
      case "unikernels-old":
        return (success.generation === 4 ? infos4 : infos5).write(writer, success.unikernels);
      case "block-device-image":
        return blockDeviceImage.write(writer, success.compressed);
      case "consoles":
        return consoles.write(writer, success.names);
      case "unikernels":
        return infos.write(writer, success.unikernels);
    }
  },
);

interface ConsoleLine {
  readonly timestamp: number;
  readonly line: Uint8Array;
}

const someData = explicit(0, octets);
const noData = explicit(1, nothing);

const blockData: Codec<Uint8Array | undefined> = choice<Uint8Array | undefined>([someData, noData], (writer, bytes) => {
  if (bytes === undefined) noData.write(writer, undefined);
  else someData.write(writer, bytes);
});

const statistics = explicit(1, statisticsCodec);
const consoleLine = explicit(3, sequence<ConsoleLine>({ timestamp: time, line: rawText }));
const block = explicit(4, blockData);

const log = explicit<TimedEvent>(2, orDropped(logData, "support for log was dropped"));

/** `Data`. */
export const dataCodec: Codec<Data> = choice<Data>(
  [
    alternative(statistics, (value) => ({ kind: "statistics", statistics: value })),
    alternative(log, ({ timestamp, event }) => ({ kind: "log", timestamp, event })),
    alternative(consoleLine, ({ timestamp, line }) => ({ kind: "console", timestamp, line })),
    alternative(block, (bytes) => ({ kind: "block", bytes })),
  ],
  (writer, data) => {
    switch (data.kind) {
      case "statistics":
        return statistics.write(writer, data.statistics);
      case "console":
        return consoleLine.write(writer, data);
      case "log":
        return log.write(writer, data);
      case "block":
        return block.write(writer, data.bytes);
    }
  },
);
