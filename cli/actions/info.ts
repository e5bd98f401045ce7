/**
 * `albatross-client info`.
 *
 * @module
 */
import { requestInfo, type UnikernelStatus } from "../../client/status.ts";
import type { Message } from "../../core/wire/message.ts";
import type { Values } from "../command.ts";
import type { info as definition } from "../commands/info.ts";
import type { Context } from "../context.ts";
import { addressOf, exchange, report, reportError, SHOW_ONLY } from "../exchange.ts";
import { type Json, jsonMessage, jsonTime } from "../json.ts";

/**
 * Shows running unikernels; with `-v` or `--json` also how they are doing, where the daemon tells it. The plain call
 * sends exactly what the original sends.
 */
export async function info(values: Values<typeof definition>, context: Context): Promise<number> {
  if (values.socket === SHOW_ONLY || !(context.json || values.verbose > 0)) {
    return await exchange(values, context, values.name, { kind: "unikernel-info" });
  }
  try {
    const { reply, status } = await requestInfo(addressOf(values, "vmmd"), values.name);
    if (context.json) return report(context, reply, withStatus(reply, status));
    const exitStatus = report(context, reply);
    for (const each of status ?? [])
      if (each.state !== "running" && each.state !== "ended") context.hint(describe(each));
    return exitStatus;
  } catch (error) {
    return reportError(context, error);
  }
}

/** On standard error, since standard output is as the original's. */
function describe({ name, state, reason, next, restarts, lastExit }: UnikernelStatus): string {
  const wait = next === undefined ? "" : `, next start in ${Math.max(0, Math.ceil((next - Date.now()) / 1000))} s`;
  const end = lastExit === undefined ? "" : `, it ended with ${lastExit}`;
  return `[unikernel: ${name}] ${state}${reason === undefined ? "" : `: ${reason}`}${end}, restarts: ${restarts}${wait}`;
}

/** The field `status` of every unikernel; null if the daemon does not tell it. */
function withStatus(reply: Message, status: readonly UnikernelStatus[] | undefined): { readonly [key: string]: Json } {
  const { unikernels } = jsonMessage(reply);
  if (!Array.isArray(unikernels)) return {};
  return {
    unikernels: (unikernels as readonly { readonly [key: string]: Json }[]).map((each) => {
      const found = status?.find(({ name }) => name === each["name"]);
      return { ...each, status: found === undefined ? null : jsonStatus(found) };
    }),
  };
}

function jsonStatus(status: UnikernelStatus): Json {
  return {
    state: status.state,
    reason: status.reason ?? null,
    next: status.next === undefined ? null : jsonTime(status.next),
    restarts: status.restarts,
    lastExit: status.lastExit ?? null,
    launcher: status.launcher ?? null,
    pid: status.pid ?? null,
  };
}
