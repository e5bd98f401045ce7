/**
 * `albatross-client inspect-dump`.
 *
 * @module
 */
import { fromText } from "../../core/byte-string.ts";
import { printPolicy } from "../../core/print/policy.ts";
import type { Values } from "../command.ts";
import type { inspectDump as definition } from "../commands/inspect-dump.ts";
import type { Context } from "../context.ts";
import { type Dump, readDump } from "../dump.ts";
import { jsonPolicy } from "../json.ts";
import { jsonDumped, printDumped, reportDumpError } from "../report-dump.ts";

/** Shows what is stored. */
export async function inspectDump(values: Values<typeof definition>, context: Context): Promise<number> {
  let dump: Dump;
  try {
    dump = await readDump(values);
  } catch (error) {
    return reportDumpError(context, error);
  }
  const { file, unikernels, policies } = dump;
  if (context.json) {
    const limits = policies.map(({ name, policy }) => ({ name: name.text, ...jsonPolicy(policy) }));
    context.object({ kind: "dump", file, unikernels: unikernels.map(jsonDumped), policies: limits });
    return 0;
  }
  context.log.reply(fromText(`parsed ${unikernels.length} unikernels:`));
  for (const each of unikernels) {
    context.log.reply(printDumped(each, context.log.debug, `${each.name.toDisplay()}: `));
  }
  context.log.reply(fromText(`parsed ${policies.length} policies:`));
  for (const { name, policy } of policies) {
    context.log.reply(`${name.toDisplay()}: ${printPolicy(policy)}` as ReturnType<typeof printPolicy>);
  }
  return 0;
}
