/**
 * Encoding of the commands for unikernels (wire.md 5).
 *
 * @module
 */
import type { UnikernelArguments } from "../unikernel.ts";
import { alternative, type Codec, choice, explicit, explicitDecoder, lazy } from "./der-codec.ts";
import { int, nothing } from "./der-primitives.ts";
import type { UnikernelCommand } from "./message.ts";
import { argumentsCodec, configCodec } from "./unikernel-codec.ts";
import { argumentsV0, argumentsV1, configV3, configV4 } from "./unikernel-codec-old.ts";

const restartCodec: Codec<UnikernelArguments | undefined> = lazy(() => {
  const noArguments = explicit(0, nothing);
  const newArguments = explicit(3, argumentsCodec);

  return choice<UnikernelArguments | undefined>(
    [
      noArguments,
      alternative(explicitDecoder(1, argumentsV0), (value) => value),
      alternative(explicitDecoder(2, argumentsV1), (value) => value),
      newArguments,
    ],
    (writer, value) => {
      if (value === undefined) noArguments.write(writer, undefined);
      else newArguments.write(writer, value);
    },
  );
});

const destroy = explicit(3, nothing);
const get = explicit(11, int);
const restart = explicit(14, restartCodec);
const info4 = explicit(15, nothing);
const info5 = explicit(18, nothing);
const info = explicit(19, nothing);
const create = explicit(20, configCodec);
const forceCreate = explicit(21, configCodec);
// Ours, with a distance to the numbers that the original may use next.
const revisions = explicit(24, int);
const rollback = explicit(25, int);

/** Identifier bytes of create and force-create, with the configuration's generation: the image splitter looks for them. */
export const CREATE_IDENTIFIERS: readonly number[] = [9, 10, 16, 17, 20, 21].map((tag) => 0xa0 | tag);

/** `UnikernelCmd`. The old forms of create and restart are decoded, never written. */
export const unikernelCommandCodec: Codec<UnikernelCommand> = choice<UnikernelCommand>(
  [
    alternative(destroy, () => ({ kind: "unikernel-destroy" })),
    alternative(explicitDecoder(9, configV3), (config) => ({ kind: "unikernel-create", config })),
    alternative(explicitDecoder(10, configV3), (config) => ({ kind: "unikernel-force-create", config })),
    alternative(get, (level) => ({ kind: "unikernel-get", level })),
    alternative(restart, (value) => ({ kind: "unikernel-restart", arguments: value })),
    alternative(info4, () => ({ kind: "unikernel-info-old", generation: 4 })),
    alternative(explicitDecoder(16, configV4), (config) => ({ kind: "unikernel-create", config })),
    alternative(explicitDecoder(17, configV4), (config) => ({ kind: "unikernel-force-create", config })),
    alternative(info5, () => ({ kind: "unikernel-info-old", generation: 5 })),
    alternative(info, () => ({ kind: "unikernel-info" })),
    alternative(create, (config) => ({ kind: "unikernel-create", config })),
    alternative(forceCreate, (config) => ({ kind: "unikernel-force-create", config })),
  ],
  (writer, command) => {
    switch (command.kind) {
      case "unikernel-revisions":
        return revisions.write(writer, command.count);
      case "unikernel-rollback":
        return rollback.write(writer, command.revision);
      case "unikernel-destroy":
        return destroy.write(writer, undefined);
      case "unikernel-get":
        return get.write(writer, command.level);
      case "unikernel-restart":
        return restart.write(writer, command.arguments);
      case "unikernel-info-old":
        return (command.generation === 4 ? info4 : info5).write(writer, undefined);
      case "unikernel-info":
        return info.write(writer, undefined);
      case "unikernel-create":
        return create.write(writer, command.config);
      case "unikernel-force-create":
        return forceCreate.write(writer, command.config);
    }
  },
  [
    alternative(revisions, (count) => ({ kind: "unikernel-revisions", count })),
    alternative(rollback, (revision) => ({ kind: "unikernel-rollback", revision })),
  ],
);
