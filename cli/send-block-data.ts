/**
 * Sends the content of a block device: `set-block`, and `create-block` with data.
 *
 * @module
 */

import type { BlockData } from "../client/block-data.ts";
import { InputError } from "../client/errors.ts";
import type { Name } from "../core/name.ts";
import type { Context } from "./context.ts";
import { ask, type DaemonValues, report, reportLocal, SHOW_ONLY } from "./exchange.ts";
import { compressionOf, modeOf } from "./mode.ts";
import { followTransfer } from "./progress.ts";
import { EXIT_USAGE } from "./usage-error.ts";

/** The usual compression over a network is left out where it does not pay; what was asked for is done. */
async function levelFor(
  values: DaemonValues & { readonly compressionLevel: number | undefined },
  data: BlockData,
): Promise<number> {
  const level = compressionOf(values);
  if (values.compressionLevel !== undefined || modeOf(values) !== "remote") return level;
  return (await data.compressible()) ? level : 0;
}

/** Sets a block device, prints the reply, and gives the exit status. */
export async function sendBlockData(
  values: DaemonValues & { readonly compressionLevel: number | undefined },
  context: Context,
  name: Name,
  data: BlockData,
): Promise<number> {
  const level = await levelFor(values, data);
  const shown = values.csr || values.socket === SHOW_ONLY || values.destination === "-";
  const progress = followTransfer(context, shown ? 0 : data.size);
  try {
    const stream = data.stream(level, (bytes) => progress.advance(bytes));
    const reply = await ask(values, context, name, { kind: "block-set", compressed: level > 0 }, { stream });
    progress.finish();
    return typeof reply === "number" ? reply : report(context, reply);
  } catch (error) {
    progress.finish();
    if (!(error instanceof InputError)) throw error;
    return reportLocal(context, `${error.message}. The block device is as it was before`, "file", EXIT_USAGE);
  }
}
