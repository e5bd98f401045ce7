/**
 * `albatross-client info`.
 *
 * @module
 */
import type { Values } from "../command.ts";
import type { info as definition } from "../commands/info.ts";
import type { Context } from "../context.ts";
import { exchange } from "../exchange.ts";

/** Shows running unikernels. */
export async function info(values: Values<typeof definition>, context: Context): Promise<number> {
  return await exchange(values, context, values.name, { kind: "unikernel-info" });
}
