/**
 * `albatross-client set-block`.
 *
 * @module
 */
import { openBlockData } from "../../client/block-data.ts";
import type { Values } from "../command.ts";
import type { setBlock as definition } from "../commands/set-block.ts";
import type { Context } from "../context.ts";
import { sendBlockData } from "../send-block-data.ts";

/** Replaces the content of a block device. */
export async function setBlock(values: Values<typeof definition>, context: Context): Promise<number> {
  using data = openBlockData(values.file === "-" ? undefined : values.file);
  const status = await sendBlockData(values, context, values.name, data);
  if (values.csr && status === 0) {
    context.hint("the request does not hold the data: give it to the sub-command certificate by --data");
  }
  return status;
}
