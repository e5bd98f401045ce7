/**
 * `albatross-client log`.
 *
 * @module
 */
import { toText } from "../../core/byte-string.ts";
import { formatCursor, parseLogId } from "../../core/log/cursor.ts";
import type { Cursor } from "../../core/log/event.ts";
import { eventToJson } from "../../core/log/json.ts";
import type { LogHistory, Message } from "../../core/wire/message.ts";
import type { Values } from "../command.ts";
import type { log as definition } from "../commands/log.ts";
import type { Context } from "../context.ts";
import { report } from "../exchange.ts";
import { ENOUGH, follow } from "../follow.ts";
import { UsageError } from "../usage-error.ts";

function historyOf({ cursor, since, count }: Values<typeof definition>): LogHistory {
  if (cursor !== undefined) return { cursor };
  return since === undefined ? { count } : { since };
}

/** Shows events until the daemon closes the connection, or an interrupt; with `--no-follow` only past ones. */
export async function showLog(values: Values<typeof definition>, context: Context): Promise<number> {
  if (values.follow && values.noFollow) throw new UsageError("The options --follow and --no-follow exclude each other");
  let log: Uint8Array | undefined;
  let last: Cursor | undefined;
  const command = { kind: "log-subscribe", from: historyOf(values) } as const;
  const status = await follow(values, context, values.name, command, (message: Message) => {
    const { payload, header } = message;
    if (payload.kind === "success" && payload.success.kind === "string") {
      log = parseLogId(toText(payload.success.text) ?? "");
      return undefined; // the cursors say it
    }
    if (payload.kind !== "data" || payload.data.kind !== "log") return report(context, message);
    if (log !== undefined) last = { log, entry: header.sequence };
    const done = payload.data.event.kind === "caught-up";
    if (context.json) context.object(eventToJson(payload.data, last === undefined ? null : formatCursor(last)));
    else if (!done) report(context, message);
    return done && values.noFollow ? ENOUGH : undefined;
  });
  // The log went away: whoever starts this anew need not miss anything.
  if (status === 0 && !values.noFollow && last !== undefined) {
    context.hint(`the log has closed the connection; go on with --cursor=${formatCursor(last)}`);
  }
  return status;
}
