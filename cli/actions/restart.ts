/**
 * `albatross-client restart`.
 *
 * @module
 */
import type { Values } from "../command.ts";
import type { restart as definition } from "../commands/restart.ts";
import type { Context } from "../context.ts";
import { ask, report } from "../exchange.ts";
import { unikernelArguments } from "../unikernel-arguments.ts";
import { checkWatch, reportStart } from "../watch-report.ts";

/** Restarts a unikernel, and watches it for a moment. */
export async function restart(values: Values<typeof definition>, context: Context): Promise<number> {
  checkWatch(values);
  const since = Date.now();
  const reply = await ask(values, context, values.name, {
    kind: "unikernel-restart",
    arguments: values.replaceArguments ? unikernelArguments(values) : undefined,
  });
  if (typeof reply === "number") return reply;
  if (reply.payload.kind === "failure") return report(context, reply);
  return await reportStart(values, context, reply, since);
}
