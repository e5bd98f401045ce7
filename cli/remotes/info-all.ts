/**
 * `info --remote all`: asks every recorded host at once, and shows which one each line is from.
 *
 * @module
 */

import { configFile, readRemotes } from "../../client/remotes.ts";
import type { ByteString } from "../../core/byte-string.ts";
import type { Name } from "../../core/name.ts";
import type { Message } from "../../core/wire/message.ts";
import type { Context } from "../context.ts";
import { ask, type DaemonValues, EXIT_COMMUNICATION, report, reportLocal } from "../exchange.ts";
import type { JsonObject } from "../json.ts";
import type { Log } from "../log.ts";
import { EXIT_USAGE, UsageError } from "../usage-error.ts";
import { withDestination } from "./with-remote.ts";

/** Hosts that are asked at a time: each takes a connection and a certificate of its own. */
export const REMOTES_AT_ONCE = 8;

/** How long a host may take to answer, milliseconds. */
export const REMOTE_PATIENCE_MS = 30_000;

/** The values that matter here. */
type InfoValues = DaemonValues & { readonly name: Name; readonly remote: string | undefined };

/**
 * Asks all; what one of them fails with does not keep the others from being shown.
 *
 * @param patience milliseconds that a host may take
 * @returns 0 if all have answered, else the exit status of the first one, in the order of names, that has not
 */
export async function infoOfAll(values: InfoValues, context: Context, patience = REMOTE_PATIENCE_MS): Promise<number> {
  const path = configFile(context.environment);
  const remotes = [...readRemotes(path)];
  if (remotes.length === 0) throw new UsageError(`There are no remotes in ${path}: see remote add --help`);
  const outcomes: Outcome[] = [];
  const queue = remotes.entries();
  const work = async () => {
    for (const [at, [name, remote]] of queue) {
      const held = new HeldContext(context, name);
      const reply = await infoOf(withDestination(values, remote), held.context, patience);
      const row = typeof reply !== "number" && context.tables() && hasUnikernels(reply) ? reply : undefined;
      const status = typeof reply === "number" ? reply : row === undefined ? report(held.context, reply) : 0;
      outcomes[at] = { name, status, held, row };
    }
  };
  await Promise.all(Array.from({ length: Math.min(REMOTES_AT_ONCE, remotes.length) }, work));
  if (context.json) {
    const hosts = outcomes.map(({ name, status, held }) => ({ remote: name, exitStatus: status, ...held.object }));
    context.object({ kind: "hosts", hosts });
  }
  const rows = outcomes.flatMap(({ name, row }) =>
    row === undefined ? [] : { remote: name, reply: row, status: undefined },
  );
  if (rows.length > 0) (await import("../tables/show-unikernels.ts")).showUnikernels(context, rows);
  for (const { held } of outcomes) held.release();
  return outcomes.find(({ status }) => status !== 0)?.status ?? 0;
}

/** What became of asking one host. */
interface Outcome {
  readonly name: string;
  readonly status: number;
  readonly held: HeldContext;
  /** The reply, if it is shown in the table of all. */
  readonly row: Message | undefined;
}

function hasUnikernels({ payload }: Message): boolean {
  return payload.kind === "success" && "unikernels" in payload.success && payload.success.unikernels.length > 0;
}

async function infoOf(values: InfoValues, context: Context, patience: number): Promise<Message | number> {
  const signal = AbortSignal.timeout(patience);
  try {
    const reply = await ask(values, context, values.name, { kind: "unikernel-info" }, { signal });
    if (!signal.aborted || typeof reply !== "number") return reply;
    return reportLocal(context, `no answer within ${patience / 1000} s`, "aborted", EXIT_COMMUNICATION);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error; // such as a missing file: the others have theirs
    return reportLocal(context, error.message, "file", EXIT_USAGE);
  }
}

/** Keeps what is reported about one host until it is shown, each line with the name of the host. */
class HeldContext {
  readonly context: Context;
  object: JsonObject = {};
  readonly #held: (() => void)[] = [];

  constructor(context: Context, name: string) {
    const keep =
      (show: (text: ByteString) => void) =>
      (text: ByteString): void => {
        this.#held.push(() => show(text.replaceAll(/^/gm, `${name}: `) as ByteString));
      };
    const { log } = context;
    const held: Log = {
      ...log,
      reply: keep((text) => log.reply(text)),
      error: keep((text) => log.error(text)),
      warning: keep((text) => log.warning(text)),
    };
    this.context = {
      ...context,
      log: held,
      hint: (text) => this.#held.push(() => context.hint(`${name}: ${text}`)),
      object: (value) => {
        this.object = value;
      },
    };
  }

  release(): void {
    for (const show of this.#held) show();
  }
}
