/**
 * `albatross-client destroy`.
 *
 * @module
 */
import type { Values } from "../command.ts";
import type { destroy as definition } from "../commands/destroy.ts";
import type { Context } from "../context.ts";
import { exchange } from "../exchange.ts";

/** Ends a unikernel. */
export async function destroy(values: Values<typeof definition>, context: Context): Promise<number> {
  return await exchange(values, context, values.name, { kind: "unikernel-destroy" });
}
