/**
 * `albatross-client block`.
 *
 * @module
 */
import type { Values } from "../command.ts";
import type { block as definition } from "../commands/block.ts";
import type { Context } from "../context.ts";
import { exchange } from "../exchange.ts";

/** Shows block devices. */
export async function block(values: Values<typeof definition>, context: Context): Promise<number> {
  return await exchange(values, context, values.name, { kind: "block-info" });
}
