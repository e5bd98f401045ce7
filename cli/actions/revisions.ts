/**
 * `albatross-client revisions`.
 *
 * @module
 */
import { fromText, toDisplay } from "../../core/byte-string.ts";
import type { Name } from "../../core/name.ts";
import type { Command, Message } from "../../core/wire/message.ts";
import type { Values } from "../command.ts";
import type { revisions as definition } from "../commands/revisions.ts";
import type { Context } from "../context.ts";
import { ask, type DaemonValues, EXIT_COMMUNICATION, report, reportLocal, SHOW_ONLY } from "../exchange.ts";
import type { Json, JsonObject } from "../json.ts";
import { amount } from "../progress.ts";
import { tableText } from "../tables/show.ts";
import type { Column } from "../tables/table.ts";

/** Shows the revisions of a unikernel. */
export async function revisions(values: Values<typeof definition>, context: Context): Promise<number> {
  const reply = await askOurs(values, context, values.name, { kind: "unikernel-revisions", count: values.count });
  if (typeof reply === "number") return reply;
  const { payload, header } = reply;
  if (payload.kind !== "success" || payload.success.kind !== "string") return report(context, reply);
  const list = parseRevisions(toDisplay(payload.success.text));
  if (list === undefined) {
    return reportLocal(
      context,
      "The daemon answered with something else than revisions",
      "protocol",
      EXIT_COMMUNICATION,
    );
  }
  if (context.json) context.object({ kind: "revisions", host: header.name.text, revisions: list });
  else context.log.reply(fromText(tableText(context, columns(list))));
  return 0;
}

/** As `ask`, for a command that only an Albatross of ours understands: says so where the answer is an end. */
export async function askOurs(
  values: DaemonValues,
  context: Context,
  name: Name,
  command: Command,
): Promise<Message | number> {
  const reply = await ask(values, context, name, command);
  if (reply === EXIT_COMMUNICATION && values.socket !== SHOW_ONLY && values.destination !== SHOW_ONLY) {
    context.hint(
      "this command needs an Albatross of this project on the other side: the original closes the connection",
    );
  }
  return reply;
}

function parseRevisions(text: string): readonly JsonObject[] | undefined {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    return undefined;
  }
  const isObject = (one: unknown) => typeof one === "object" && one !== null && !Array.isArray(one);
  return Array.isArray(list) && list.every(isObject) ? (list as readonly JsonObject[]) : undefined;
}

/** Hex digits of a digest that tell images apart. */
const SHORT_DIGEST = 12;

/** What a daemon far away tells is shown as a table does it: without control characters. */
function columns(list: readonly JsonObject[]): readonly Column[] {
  const word = (value: Json | undefined) => (typeof value === "string" || typeof value === "number" ? `${value}` : "-");
  const each = (text: (revision: JsonObject) => string) => list.map(text);
  return [
    { head: "REVISION", cells: each(({ revision }) => word(revision)) },
    { head: "TIME", cells: each(({ time }) => word(time).replace(/\.\d+Z$/, "Z")) },
    { head: "COMMAND", cells: each(({ command }) => word(command)) },
    { head: "MEMORY", cells: each(({ memoryMb }) => `${word(memoryMb)} MB`), right: true },
    {
      head: "IMAGE",
      cells: each(({ imageBytes }) => (typeof imageBytes === "number" ? amount(imageBytes) : "-")),
      right: true,
    },
    { head: "DIGEST", cells: each(({ digest }) => word(digest).slice(0, SHORT_DIGEST)) },
  ];
}
