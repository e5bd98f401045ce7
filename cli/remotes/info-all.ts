/**
 * `info --remote all`: asks every recorded host at once, and shows which one each line is from.
 *
 * @module
 */

import { configFile, readRemotes } from "../../client/remotes.ts";
import { type ByteString, fromText } from "../../core/byte-string.ts";
import type { Name } from "../../core/name.ts";
import type { Message } from "../../core/wire/message.ts";
import type { Context } from "../context.ts";
import { ask, type DaemonValues, report } from "../exchange.ts";
import type { JsonObject } from "../json.ts";
import type { Log } from "../log.ts";
import type { HostReply } from "../tables/show-unikernels.ts";
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
 * @returns 0 if all have answered, else the exit status of the first one, in the order of names, that has not
 */
export async function infoOfAll(values: InfoValues, context: Context): Promise<number> {
  const path = configFile(context.environment);
  const remotes = [...readRemotes(path)];
  if (remotes.length === 0) throw new UsageError(`There are no remotes in ${path}: see remote add --help`);
  const outcomes: { readonly status: number; show(): void; readonly object: JsonObject }[] = [];
  const listed: HostReply[] = [];
  const queue = remotes.entries();
  const work = async () => {
    for (const [at, [name, remote]] of queue) {
      const held = new HeldContext(context, name);
      const reply = await infoOf(withDestination(values, remote), held.context);
      const whole = typeof reply !== "number" && context.tables() && reply.payload.kind === "success";
      if (whole) listed[at] = { remote: name, reply, status: undefined };
      const status = whole ? 0 : typeof reply === "number" ? reply : report(held.context, reply);
      outcomes[at] = {
        status,
        show: () => held.release(),
        object: { remote: name, exitStatus: status, ...held.object },
      };
    }
  };
  await Promise.all(Array.from({ length: Math.min(REMOTES_AT_ONCE, remotes.length) }, work));
  if (context.json) context.object({ kind: "hosts", hosts: outcomes.map(({ object }) => object) });
  else if (context.tables()) {
    const found = listed.filter((each) => each !== undefined);
    if (found.length > 0)
      (await import("../tables/show-unikernels.ts")).showUnikernels(context, found) || context.print("no unikernels\n");
  }
  for (const { show } of outcomes) show();
  return outcomes.find(({ status }) => status !== 0)?.status ?? 0;
}

async function infoOf(values: InfoValues, context: Context): Promise<Message | number> {
  try {
    const signal = AbortSignal.timeout(REMOTE_PATIENCE_MS);
    return await ask(values, context, values.name, { kind: "unikernel-info" }, { signal });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error; // such as a missing file: the others have theirs
    if (context.json) context.object({ kind: "error", code: "file", message: error.message, exitStatus: EXIT_USAGE });
    else context.log.error(fromText(error.message));
    return EXIT_USAGE;
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
