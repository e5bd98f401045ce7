/**
 * How unikernels are doing, from a daemon that knows how to tell (see `core/wire/status-request.ts`).
 *
 * @module
 */
import { toDisplay } from "../core/byte-string.ts";
import type { Name } from "../core/name.ts";
import type { Message } from "../core/wire/message.ts";
import { STATUS_SEQUENCE } from "../core/wire/status-request.ts";
import { ClientConnection, type ClientOptions } from "./connection.ts";
import { ProtocolError } from "./errors.ts";

/** What info has no place for. */
export interface UnikernelStatus {
  /** As in the reply to info: relative to the path that was asked for. */
  readonly name: string;
  /**
   * `running`, or `waiting` to be started again, or that in a `crash-loop`, or `failed` to start. A daemon may also tell
   * of those that have just `ended` and are not in the reply to info any more.
   */
  readonly state: string;
  /** Why it does not run. */
  readonly reason: string | undefined;
  /** When it is started again: milliseconds since 1970. */
  readonly next: number | undefined;
  readonly restarts: number;
  /** How it ended last, e.g. `exit 2`. */
  readonly lastExit: string | undefined;
  /** What runs it. */
  readonly launcher: string | undefined;
  readonly pid: number | undefined;
  /** Whether it gets `--name=`. */
  readonly addName: boolean | undefined;
}

/** The reply to an info command, and the status of the listed unikernels if the daemon tells it. */
export interface InfoReply {
  readonly reply: Message;
  readonly status: readonly UnikernelStatus[] | undefined;
}

/**
 * Asks for info and status at once.
 *
 * @param path the socket of albatrossd
 * @throws {ConnectError} if the daemon is not there
 * @throws {ProtocolError} if the connection ends without a reply, or the reply is not understood
 * @throws {AbortedError}
 */
export async function requestInfo(path: string, name: Name, options: ClientOptions = {}): Promise<InfoReply> {
  const connection = await ClientConnection.open(path, options);
  try {
    await connection.send({
      header: { sequence: STATUS_SEQUENCE, name },
      payload: { kind: "command", command: { kind: "unikernel-info" } },
    });
    let reply: Message | undefined;
    for await (const message of connection.messages()) {
      const { payload } = message;
      if (reply === undefined) {
        if (payload.kind !== "success" && payload.kind !== "failure") {
          throw new ProtocolError(`Cannot understand what ${path} sent: a ${payload.kind} message instead of a reply`);
        }
        reply = message;
        if (payload.kind === "failure") break; // nothing follows a refusal
      } else if (payload.kind === "success" && payload.success.kind === "string") {
        return { reply, status: parseStatus(toDisplay(payload.success.text)) };
      } else {
        break;
      }
    }
    if (reply === undefined) throw new ProtocolError(`The connection to ${path} was closed without a reply`);
    return { reply, status: undefined };
  } finally {
    connection.close();
  }
}

/** The status in its JSON form; `undefined` if it has another form than the one known here. */
export function parseStatus(text: string): readonly UnikernelStatus[] | undefined {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    return undefined; // of a later version: info alone is good enough
  }
  if (!Array.isArray(list)) return undefined;
  const found: UnikernelStatus[] = [];
  for (const each of list as readonly unknown[]) {
    if (typeof each !== "object" || each === null) return undefined;
    const { name, state, reason, next, restarts, lastExit, launcher, pid, addName } = each as Record<string, unknown>;
    if (typeof name !== "string" || typeof state !== "string") return undefined;
    found.push({
      name,
      state,
      reason: ifText(reason),
      next: ifNumber(next),
      restarts: ifNumber(restarts) ?? 0,
      lastExit: ifText(lastExit),
      launcher: ifText(launcher),
      pid: ifNumber(pid),
      addName: typeof addName === "boolean" ? addName : undefined,
    });
  }
  return found;
}

function ifText(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function ifNumber(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
