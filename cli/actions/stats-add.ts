/**
 * `albatross-client stats-add`.
 *
 * @module
 */
import type { Values } from "../command.ts";
import type { statsAdd as definition } from "../commands/stats-add.ts";
import type { Context } from "../context.ts";
import { exchange } from "../exchange.ts";

/** Lets a process be measured. */
export async function statsAdd(values: Values<typeof definition>, context: Context): Promise<number> {
  const { name, device, pid, bridges } = values;
  return await exchange(values, context, name, { kind: "statistics-add", device, pid, networks: bridges });
}
