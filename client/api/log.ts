/**
 * The event log as callers see it.
 *
 * @module
 */
import { toText } from "../../core/byte-string.ts";
import { formatCursor, parseCursor, parseLogId } from "../../core/log/cursor.ts";
import { eventToJson } from "../../core/log/json.ts";
import type { Json } from "../../core/print/json.ts";
import type { LogHistory, Message } from "../../core/wire/message.ts";
import { InputError, ProtocolError } from "../errors.ts";
import { follow } from "../follow.ts";
import { asName, type NameInput } from "./names.ts";
import { type CallOptions, limited, type Transport } from "./transport.ts";

/**
 * Something that happened on the host. The further fields are those of the event, as `albatross-client log --json` prints
 * them.
 *
 * @example
 * ```ts
 * import { connect, type LogEntry } from "albatross";
 *
 * const describe = ({ time, event, host }: LogEntry) => `${time.toISOString()} ${event} ${host}`;
 * const albatross = await connect({ tmpdir: "/run/albatross" });
 * for await (const entry of albatross.log({ count: 10, follow: false })) console.log(describe(entry));
 * ```
 */
export interface LogEntry {
  /** Where the log goes on behind it; for {@link LogOptions.cursor}. */
  readonly cursor: string;
  readonly time: Date;
  /** Which event, e.g. `unikernel-started`. */
  readonly event: string;
  /** Whom it is about, in printed form: `:hello`, `alice:`; `:` for the whole host. */
  readonly host: string;
  /** What else is known of it. */
  readonly fields: Readonly<Record<string, Json>>;
}

/**
 * Which events are given.
 *
 * @example
 * ```ts
 * import { connect, type LogOptions } from "albatross";
 *
 * const options: LogOptions = { name: "hello", since: new Date(Date.now() - 3_600_000), follow: false };
 * const albatross = await connect({ tmpdir: "/run/albatross" });
 * for await (const { event, fields } of albatross.log(options)) console.log(event, fields);
 * ```
 */
export interface LogOptions extends CallOptions {
  /** Only about this name, or what is below this path; everything unless given. */
  readonly name?: NameInput | undefined;
  /** From this time on. */
  readonly since?: Date | undefined;
  /** From behind this place on; wins over `since`. */
  readonly cursor?: string | undefined;
  /** How many past events; without `since` and `cursor`. @default {20} */
  readonly count?: number | undefined;
  /** Whether events are given that happen from now on; otherwise the iteration ends after the past ones. @default {true} */
  readonly follow?: boolean | undefined;
}

const COUNT = 20;

/** See {@link Albatross.log}. */
export async function* readLog(transport: Transport, options: LogOptions): AsyncGenerator<LogEntry, void> {
  const name = asName(options.name ?? ":");
  const opened = await transport.open(name, { kind: "log-subscribe", from: historyOf(options) }, limited(options));
  let log: Uint8Array | undefined;
  const messages = follow(opened, (success) => {
    log = success.kind === "string" ? parseLogId(toText(success.text) ?? "") : undefined;
  });
  for await (const message of messages) {
    const entry = entryOf(message, log);
    if (entry !== undefined) yield entry;
    else if (options.follow === false) return;
  }
}

function historyOf({ cursor, since, count = COUNT }: LogOptions): LogHistory {
  if (cursor === undefined) return since === undefined ? { count } : { since: since.getTime() };
  const parsed = parseCursor(cursor);
  if (parsed === undefined) throw new InputError("argument", `Cannot use ${JSON.stringify(cursor)}: it is no cursor`);
  return { cursor: parsed };
}

/** An event; `undefined` for the mark between past and present ones. */
function entryOf({ payload, header }: Message, log: Uint8Array | undefined): LogEntry | undefined {
  if (payload.kind !== "data" || payload.data.kind !== "log" || log === undefined) {
    throw new ProtocolError(`A ${payload.kind} message came instead of an event`);
  }
  if (payload.data.event.kind === "caught-up") return undefined;
  const cursor = formatCursor({ log, entry: header.sequence });
  const { kind: _kind, cursor: _cursor, time: _time, event, host, ...fields } = eventToJson(payload.data, cursor);
  return { cursor, time: new Date(payload.data.timestamp), event: String(event), host: String(host), fields };
}
