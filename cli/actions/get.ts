/**
 * `albatross-client get`.
 *
 * @module
 */
import type { Values } from "../command.ts";
import type { get as definition } from "../commands/get.ts";
import type { Context } from "../context.ts";
import { ask } from "../exchange.ts";
import { compressionOf } from "../mode.ts";
import { reportImage } from "../report-image.ts";

/** Downloads an image into a new file. */
export async function get(values: Values<typeof definition>, context: Context): Promise<number> {
  const reply = await ask(values, context, values.name, { kind: "unikernel-get", level: compressionOf(values) });
  if (typeof reply === "number") return reply;
  return await reportImage(context, reply);
}
