/**
 * `albatross-client create`.
 *
 * @module
 */

import { ImageError, inspectManifest } from "../../backends/image.ts";
import { matchDevices, suggestFlags } from "../../backends/image-match.ts";
import { type ImageFile, openImage } from "../../client/image-file.ts";
import type { UnikernelArguments, UnikernelConfig } from "../../core/unikernel.ts";
import { carriesImage } from "../../core/unikernel-type.ts";
import type { Message, UnikernelCommand } from "../../core/wire/message.ts";
import type { Values } from "../command.ts";
import type { create as definition } from "../commands/create.ts";
import type { Context } from "../context.ts";
import { ask, report } from "../exchange.ts";
import { compressionOf, modeOf } from "../mode.ts";
import { unikernelArguments } from "../unikernel-arguments.ts";
import { UsageError } from "../usage-error.ts";
import { checkWatch, reportStart } from "../watch-report.ts";

/** Checks image and configuration, starts the unikernel, and watches it for a moment. */
export async function create(values: Values<typeof definition>, context: Context): Promise<number> {
  const config = unikernelArguments(values);
  checkWatch(values);
  using file = carriesImage(values.type) ? openImage(values.image) : undefined; // BHyve machines boot from a block device
  if (file !== undefined && values.type === "solo5") checkDevices(file, config); // other images have no manifest
  const kind = values.force ? "unikernel-force-create" : "unikernel-create";
  const commandOf = (level: number): UnikernelCommand & { readonly config: UnikernelConfig } => ({
    kind,
    config: { ...config, type: values.type, compressed: file !== undefined && level > 0, image: new Uint8Array(0) },
  });
  const since = Date.now();
  let reply: Message | number;
  if (modeOf(values) === "remote") {
    const { createRemotely } = await import("../remote-create.ts");
    reply = await createRemotely(values, context, file, commandOf);
  } else {
    const level = compressionOf(values);
    reply = await ask(values, context, values.name, commandOf(level), { image: await file?.bytes(level) });
  }
  if (typeof reply === "number") return reply;
  if (reply.payload.kind === "failure") return report(context, reply);
  return await reportStart(values, context, reply, since);
}

/**
 * Compares the manifest of an image with the given devices.
 *
 * @throws {UsageError} in the original's words, and then with the options that would fit
 */
function checkDevices(file: ImageFile, given: UnikernelArguments): void {
  try {
    const devices = inspectManifest(file);
    const mismatch = matchDevices({ devices }, given);
    if (mismatch === undefined) return;
    const flags = suggestFlags({ devices });
    throw new UsageError(
      (style) =>
        `${mismatch}\n${flags === "" ? "This image takes neither --net nor --block." : `These options fit: ${style.bold(flags)}`}`,
    );
  } catch (error) {
    if (error instanceof ImageError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}
