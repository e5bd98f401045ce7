/**
 * `albatross-client inactive-consoles`.
 *
 * @module
 */
import { Name } from "../../core/name.ts";
import type { Values } from "../command.ts";
import type { inactiveConsoles as definition } from "../commands/inactive-consoles.ts";
import type { Context } from "../context.ts";
import { exchange } from "../exchange.ts";

/** Lists consoles of ended unikernels. */
export async function inactiveConsoles(values: Values<typeof definition>, context: Context): Promise<number> {
  return await exchange(values, context, values.path ?? Name.root, { kind: "console-inactive" });
}
