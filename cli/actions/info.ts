/**
 * `albatross-client info`.
 *
 * @module
 */
import { ClientError } from "../../client/errors.ts";
import { requestInfo, type UnikernelStatus } from "../../client/status.ts";
import { ALL_REMOTES } from "../../client/values/remote-name.ts";
import type { Message } from "../../core/wire/message.ts";
import type { Values } from "../command.ts";
import type { info as definition } from "../commands/info.ts";
import type { Context } from "../context.ts";
import { addressOf, answerWithin, ask, report, reportError, SHOW_ONLY } from "../exchange.ts";
import { type Json, jsonMessage, jsonTime } from "../json.ts";
import { modeOf } from "../mode.ts";

/**
 * Shows the unikernels; and on standard error those that do not run, where the daemon tells it. The plain call sends
 * exactly what the original sends; how they are doing is asked for afterwards, and only if there are any.
 */
export async function info(values: Values<typeof definition>, context: Context): Promise<number> {
  if (values.remote === ALL_REMOTES) return await (await import("../remotes/info-all.ts")).infoOfAll(values, context);
  const local = modeOf(values) === "local";
  const tables = context.tables();
  if (!local || values.socket === SHOW_ONLY || !(tables || context.json || values.verbose > 0)) {
    const reply = await ask(values, context, values.name, { kind: "unikernel-info" });
    if (typeof reply === "number") return reply;
    if (tables && (await showTable(context, reply, undefined))) return 0;
    // A command in a certificate has no room for the question after the status.
    const exitStatus = report(context, reply, context.json ? withStatus(reply, undefined) : {});
    if (!local) return exitStatus;
    const { payload } = reply;
    if (payload.kind !== "success" || payload.success.kind !== "unikernels") return exitStatus;
    if (payload.success.unikernels.length > 0 && !context.log.quiet) await hintAtStates(values, context);
    return exitStatus;
  }
  try {
    const { reply, status } = await requestInfo(addressOf(values, "vmmd"), values.name, { signal: answerWithin() });
    if (context.json) return report(context, reply, withStatus(reply, status));
    if (tables && (await showTable(context, reply, status))) return 0;
    const exitStatus = report(context, reply);
    hintAt(context, status);
    return exitStatus;
  } catch (error) {
    return reportError(context, error);
  }
}

async function showTable(context: Context, reply: Message, status: readonly UnikernelStatus[] | undefined) {
  const { showUnikernels } = await import("../tables/show-unikernels.ts");
  return showUnikernels(context, [{ remote: "", reply, status }]);
}

/** Milliseconds to wait for what is only a hint. */
const HINT_PATIENCE_MS = 500;

async function hintAtStates(values: Values<typeof definition>, context: Context): Promise<void> {
  const signal = AbortSignal.timeout(HINT_PATIENCE_MS);
  try {
    hintAt(context, (await requestInfo(addressOf(values, "vmmd"), values.name, { signal })).status);
  } catch (error) {
    if (!(error instanceof ClientError)) throw error; // what was asked for has been shown
  }
}

function hintAt(context: Context, status: readonly UnikernelStatus[] | undefined): void {
  for (const each of status ?? []) {
    if (each.state !== "running" && each.state !== "ended") context.hint(describe(each));
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
    addName: status.addName ?? null,
  };
}
