/**
 * The table of `info`.
 *
 * @module
 */
import type { UnikernelStatus } from "../../client/status.ts";
import type { Message } from "../../core/wire/message.ts";
import type { Context } from "../context.ts";
import { unikernelColumns } from "./lists.ts";
import { showTable } from "./show.ts";

/** What one host has replied. */
export interface HostReply {
  /** The name of a remote, or nothing. */
  readonly remote: string;
  readonly reply: Message;
  readonly status: readonly UnikernelStatus[] | undefined;
}

/** Shows the unikernels of all replies as one table. @returns whether there were any */
export function showUnikernels(context: Context, replies: readonly HostReply[]): boolean {
  const rows = replies.flatMap(({ remote, reply: { payload }, status }) => {
    if (payload.kind !== "success" || !("unikernels" in payload.success)) return [];
    return payload.success.unikernels.map(({ name, info }) => ({
      remote,
      name: name.text,
      info,
      status: status?.find((each) => each.name === name.text),
    }));
  });
  if (rows.length === 0) return false;
  showTable(context, unikernelColumns(rows, Date.now()));
  return true;
}
