/**
 * `albatross-client add-policy` and `replace-policy`.
 *
 * @module
 */
import { fromText } from "../../core/byte-string.ts";
import { sortedSet } from "../../core/int.ts";
import { usable } from "../../core/policy-check.ts";
import type { Values } from "../command.ts";
import type { addPolicy as definition } from "../commands/add-policy.ts";
import type { Context } from "../context.ts";
import { exchange, reportLocal } from "../exchange.ts";
import { EXIT_USAGE } from "../usage-error.ts";

/** Checks a policy and sets it. */
export async function addPolicy(values: Values<typeof definition>, context: Context): Promise<number> {
  const bridges = [...new Set(values.bridges)].sort();
  const cpuIds = sortedSet(values.cpuIds);
  if (bridges.length !== values.bridges.length) context.log.warning(fromText("Bridges is not a set"));
  if (cpuIds.length !== values.cpuIds.length) context.log.warning(fromText("CPUids is not a set"));
  const policy = { unikernels: values.unikernels, cpuIds, memory: values.memory, block: values.block, bridges };
  const problem = usable(policy);
  if (problem !== undefined) return reportLocal(context, problem, "policy", EXIT_USAGE);
  if (bridges.length === 0) context.log.warning(fromText("policy without any network access"));
  return await exchange(values, context, values.path, { kind: "policy-add", policy });
}
