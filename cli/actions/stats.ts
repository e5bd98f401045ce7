/**
 * `albatross-client stats`.
 *
 * @module
 */
import { absoluteName } from "../../client/statistics.ts";
import type { Message } from "../../core/wire/message.ts";
import type { Values } from "../command.ts";
import type { stats as definition } from "../commands/stats.ts";
import type { Context } from "../context.ts";
import { report } from "../exchange.ts";
import { follow } from "../follow.ts";
import { jsonTime } from "../json.ts";
import { jsonStatistics } from "../json-statistics.ts";
import { flushOutput } from "../output.ts";

/** Shows samples until the daemon closes the connection, or an interrupt. */
export async function stats(values: Values<typeof definition>, context: Context): Promise<number> {
  const several = values.name.isPath;
  return await follow(values, context, values.name, { kind: "statistics-subscribe" }, (message: Message) => {
    const { payload } = message;
    if (payload.kind !== "data" || payload.data.kind !== "statistics") return void report(context, message);
    const name = absoluteName(values.name, message.header.name);
    if (context.json) {
      const sample = jsonStatistics(payload.data.statistics);
      return context.object({ kind: "statistics", host: name.text, time: jsonTime(Date.now()), ...sample });
    }
    if (several) {
      flushOutput(); // so that on a terminal each name stands before its sample
      context.hint(name.toDisplay());
    }
    report(context, message);
  });
}
