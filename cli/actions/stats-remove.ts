/**
 * `albatross-client stats-remove`.
 *
 * @module
 */
import type { Values } from "../command.ts";
import type { statsRemove as definition } from "../commands/stats-remove.ts";
import type { Context } from "../context.ts";
import { exchange } from "../exchange.ts";

/** Lets a process no longer be measured. */
export async function statsRemove(values: Values<typeof definition>, context: Context): Promise<number> {
  return await exchange(values, context, values.name, { kind: "statistics-remove" });
}
