/**
 * `albatross-client remove-policy`.
 *
 * @module
 */
import { Name } from "../../core/name.ts";
import type { Values } from "../command.ts";
import type { removePolicy as definition } from "../commands/remove-policy.ts";
import type { Context } from "../context.ts";
import { EXIT_INTERRUPTED, exchange } from "../exchange.ts";
import { askYes } from "../questions.ts";
import { isTerminal } from "../style.ts";

/** Removes a policy. */
export async function removePolicy(values: Values<typeof definition>, context: Context): Promise<number> {
  if (values.path === undefined && !values.yes && !context.json && isTerminal(0) && isTerminal(1)) {
    if (!askYes("Remove the policy of the root, the limits of the whole host?", false)) return EXIT_INTERRUPTED;
  }
  return await exchange(values, context, values.path ?? Name.root, { kind: "policy-remove" });
}
