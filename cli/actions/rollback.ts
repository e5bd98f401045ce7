/**
 * `albatross-client rollback`.
 *
 * @module
 */
import type { Values } from "../command.ts";
import type { rollback as definition } from "../commands/rollback.ts";
import type { Context } from "../context.ts";
import { report } from "../exchange.ts";
import { checkWatch, reportStart } from "../watch-report.ts";
import { askOurs } from "./revisions.ts";

/** Makes a unikernel what it was, and watches it for a moment. */
export async function rollback(values: Values<typeof definition>, context: Context): Promise<number> {
  checkWatch(values);
  const since = Date.now();
  const reply = await askOurs(values, context, values.name, {
    kind: "unikernel-rollback",
    revision: values.revision ?? 0,
  });
  if (typeof reply === "number") return reply;
  if (reply.payload.kind === "failure") return report(context, reply);
  return await reportStart(values, context, reply, since);
}
