/**
 * `albatross-client create-block`.
 *
 * @module
 */

import { type BlockData, openBlockData } from "../../client/block-data.ts";
import type { Int } from "../../core/int.ts";
import type { Values } from "../command.ts";
import type { createBlock as definition } from "../commands/create-block.ts";
import type { Context } from "../context.ts";
import { exchange } from "../exchange.ts";
import { sendBlockData } from "../send-block-data.ts";
import { UsageError } from "../usage-error.ts";

/** Bytes. */
const MEBIBYTE = 2 ** 20;

/** Creates a block device, and only if that succeeded fills it. */
export async function createBlock(values: Values<typeof definition>, context: Context): Promise<number> {
  const { name, size } = values;
  using data = values.data === undefined ? undefined : openBlockData(values.data === "-" ? undefined : values.data);
  if (data !== undefined) check(values.csr, size, data);
  const status = await exchange(values, context, name, { kind: "block-add", size });
  if (status !== 0 || data === undefined) return status;
  const filled = await sendBlockData(values, context, name, data);
  if (filled !== 0)
    context.hint(`the block device ${name.text} was created, but is empty: try set-block, or destroy-block`);
  return filled;
}

/** @throws {UsageError} in the original's words */
function check(csr: boolean, size: Int, data: BlockData): void {
  if (csr) {
    throw new UsageError(
      "Cannot put the data into a request: write one for create-block without --data, and one for set-block",
    );
  }
  const bytes = Number(size) * MEBIBYTE;
  if (bytes <= 0 || !Number.isSafeInteger(bytes)) throw new UsageError("overflow while computing bytes");
  if (data.size !== undefined && data.size > bytes) throw new UsageError("data exceeds size");
}
