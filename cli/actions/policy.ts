/**
 * `albatross-client policy`.
 *
 * @module
 */
import { Name } from "../../core/name.ts";
import type { Values } from "../command.ts";
import type { policy as definition } from "../commands/policy.ts";
import type { Context } from "../context.ts";
import { exchange } from "../exchange.ts";

/** Shows policies. */
export async function policy(values: Values<typeof definition>, context: Context): Promise<number> {
  return await exchange(values, context, values.path ?? Name.root, { kind: "policy-info" });
}
