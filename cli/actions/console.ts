/**
 * `albatross-client console`.
 *
 * @module
 */
import type { Values } from "../command.ts";
import type { consoleCommand as definition } from "../commands/console.ts";
import type { Context } from "../context.ts";
import { follow } from "../follow.ts";

/** Shows console lines until the daemon closes the connection, or an interrupt. */
export async function subscribeConsole(values: Values<typeof definition>, context: Context): Promise<number> {
  const from = values.since === undefined ? { count: values.count } : { since: values.since };
  return await follow(values, context, values.name, { kind: "console-subscribe", from });
}
