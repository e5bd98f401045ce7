/**
 * `albatross-client destroy-block`.
 *
 * @module
 */
import type { Values } from "../command.ts";
import type { destroyBlock as definition } from "../commands/destroy-block.ts";
import type { Context } from "../context.ts";
import { exchange } from "../exchange.ts";

/** Removes a block device. */
export async function destroyBlock(values: Values<typeof definition>, context: Context): Promise<number> {
  return await exchange(values, context, values.name, { kind: "block-remove" });
}
