/**
 * `albatross-client remove-policy`.
 *
 * @module
 */
import { Name } from "../../core/name.ts";
import type { Values } from "../command.ts";
import type { removePolicy as definition } from "../commands/remove-policy.ts";
import type { Context } from "../context.ts";
import { exchange } from "../exchange.ts";

/** Removes a policy. */
export async function removePolicy(values: Values<typeof definition>, context: Context): Promise<number> {
  return await exchange(values, context, values.path ?? Name.root, { kind: "policy-remove" });
}
