/**
 * `albatross-client create`.
 *
 * @module
 */

import { ImageError, inspectManifest } from "../../backends/image.ts";
import { matchDevices, suggestFlags } from "../../backends/image-match.ts";
import type { UnikernelArguments } from "../../core/unikernel.ts";
import type { Values } from "../command.ts";
import type { create as definition } from "../commands/create.ts";
import type { Context } from "../context.ts";
import { ask, report } from "../exchange.ts";
import { type ImageFile, openImage } from "../image-file.ts";
import { compressionOf } from "../mode.ts";
import { unikernelArguments } from "../unikernel-arguments.ts";
import { UsageError } from "../usage-error.ts";
import { reportStart } from "../watch-report.ts";

/** Checks image and configuration, starts the unikernel, and watches it for a moment. */
export async function create(values: Values<typeof definition>, context: Context): Promise<number> {
  const config = unikernelArguments(values);
  const solo5 = values.type === "solo5";
  using file = solo5 ? openImage(values.image) : undefined; // BHyve machines boot from a block device
  if (file !== undefined) checkDevices(file, config);
  const level = compressionOf(values);
  const compressed = solo5 && level > 0;
  const since = Date.now();
  const reply = await ask(
    values,
    context,
    values.name,
    {
      kind: values.force ? "unikernel-force-create" : "unikernel-create",
      config: { ...config, type: values.type, compressed, image: new Uint8Array(0) },
    },
    { image: file === undefined ? undefined : await file.bytes(level) },
  );
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
