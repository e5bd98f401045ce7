/**
 * `create --destination`: the image follows the handshake, or is in the certificate (pki.md 7).
 *
 * @module
 */

import type { ImageFile } from "../client/image-file.ts";
import type { Upload } from "../client/remote-request.ts";
import { wholeImage } from "../client/whole-image.ts";
import type { Name } from "../core/name.ts";
import type { UnikernelConfig } from "../core/unikernel.ts";
import type { Message, UnikernelCommand } from "../core/wire/message.ts";
import type { Context } from "./context.ts";
import { EXIT_COMMUNICATION, reportRemoteError } from "./exchange.ts";
import { compressionOf, type ModeValues } from "./mode.ts";
import { followTransfer, type Progress } from "./progress.ts";
import { askRemote, type RemoteValues } from "./remote.ts";

/** The values of the options that matter here. */
export interface CreateValues extends RemoteValues, ModeValues {
  readonly destination: RemoteValues["destination"];
  readonly name: Name;
  readonly compressionLevel: number | undefined;
  readonly imageInCertificate: boolean;
  readonly verbose: number;
}

/** A create command, whose image is empty, for a compression level. */
type CommandOf = (level: number) => UnikernelCommand & { readonly config: UnikernelConfig };

/**
 * Creates a unikernel on a remote host.
 *
 * @param file the image; `undefined` if there is none
 * @returns the reply, or the exit status of a failure that was reported
 */
export async function createRemotely(
  values: CreateValues,
  context: Context,
  file: ImageFile | undefined,
  commandOf: CommandOf,
): Promise<Message | number> {
  const level = await levelFor(values, file);
  const command = commandOf(level);
  let progress: Progress | undefined;
  try {
    if (values.imageInCertificate && file !== undefined) {
      const image = await wholeImage(await file.bytes(level));
      const whole = { ...command, config: { ...command.config, image } };
      return (await askRemote(values, values.name, whole))?.reply ?? EXIT_COMMUNICATION;
    }
    const upload =
      file === undefined
        ? noImage
        : uploadOf(file, level, () => {
            progress = followTransfer(context, file.size);
            return progress;
          });
    const done = await askRemote(values, values.name, command, { upload });
    progress?.finish();
    if (done === undefined) return EXIT_COMMUNICATION;
    if (done.present && values.verbose > 0) context.hint("image already present, 0 bytes sent");
    return done.reply;
  } catch (error) {
    progress?.finish();
    return await reportRemoteError(context, error);
  }
}

/** The original's endpoint waits for a stream even where there can be no image. */
export const noImage: Upload = { chunks: [], othersOnly: true };

/** The usual compression is left out where it does not pay; what was asked for is done. */
async function levelFor(values: CreateValues, file: ImageFile | undefined): Promise<number> {
  const level = compressionOf(values);
  if (values.compressionLevel !== undefined || file === undefined) return level;
  return (await file.compressible()) ? level : 0;
}

function uploadOf(file: ImageFile, level: number, begin: () => Progress): Upload {
  async function* chunks(): AsyncGenerator<Uint8Array, void> {
    const progress = begin();
    yield* file.stream(level, (bytes) => progress.advance(bytes));
  }
  return { chunks: chunks(), digest: () => file.digest() };
}
