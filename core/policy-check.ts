/**
 * Comparisons of policies with each other and with a configuration (daemon.md 15, pki.md 9). All texts are the
 * original's.
 *
 * @module
 */
import { type ByteString, toDisplay } from "./byte-string.ts";
import type { Int } from "./int.ts";
import type { Policy } from "./policy.ts";
import type { UnikernelArguments } from "./unikernel.ts";

/** A policy must allow more than this much memory, MiB. */
export const MEMORY_MIN = 16;

/** Why nobody could use `policy`; `undefined` if it is usable. Client and signer ask this, the daemon does not. */
export function usable(policy: Policy): string | undefined {
  if (policy.unikernels <= 0) return "Unusable policy with no unikernels";
  if (policy.cpuIds.length === 0) return "Unusable policy with no CPUids";
  if (policy.memory <= MEMORY_MIN) return `Unusable policy with memory ${policy.memory} MB <= ${MEMORY_MIN} MB`;
  if (policy.block !== undefined && policy.block < 0) return `Unusable policy with block ${policy.block} MB < 0 MB`;
  return undefined;
}

/** What of `values` is not allowed. Both may be as long as a message can make them. */
export function without<T extends Int | ByteString>(values: Iterable<T>, allowed: Iterable<T>): T[] {
  const known = new Set(allowed);
  return [...values].filter((value) => !known.has(value));
}

function names(values: readonly ByteString[]): string {
  return values.map(toDisplay).join(", ");
}

/** Why `sub` does not fit below `above`; `undefined` if it does. */
export function isSmaller(above: Policy, sub: Policy): string | undefined {
  if (above.unikernels < sub.unikernels) {
    return `policy above allows ${above.unikernels} unikernels, which is fewer than ${sub.unikernels}`;
  }
  if (above.memory < sub.memory) {
    return `policy above allows ${above.memory} MB memory, which is fewer than ${sub.memory} MB`;
  }
  const cpuIds = without(sub.cpuIds, above.cpuIds);
  if (cpuIds.length > 0) return `policy above does not allow CPUids ${cpuIds.join(", ")}`;
  if (without(sub.bridges, above.bridges).length > 0) {
    return `policy above allows bridge(s) ${names(above.bridges)}, which is not a superset of ${names(sub.bridges)}`;
  }
  if (sub.block !== undefined && (above.block === undefined || above.block < sub.block)) {
    return `policy above allows ${above.block ?? 0} MB block storage, which is fewer than ${sub.block} MB`;
  }
  return undefined;
}

/**
 * Why a unikernel could not run under `policy` even if nothing else ran; `undefined` if it could. The client asks this
 * before it signs a command with a delegation that carries a policy.
 */
export function fitsPolicy(
  policy: Policy,
  wanted: Pick<UnikernelArguments, "cpuIds" | "memory" | "networks">,
): string | undefined {
  const cpuIds = without(wanted.cpuIds, policy.cpuIds);
  if (cpuIds.length > 0) return `the CPUids ${cpuIds.join(", ")} requested by the unikernel are not allowed by policy`;
  if (wanted.memory > policy.memory) {
    return `${wanted.memory} MB memory assigned to unikernel exceeds policy (${policy.memory}MB)`;
  }
  const bridges = without(
    wanted.networks.map((network) => network.bridge ?? network.name),
    policy.bridges,
  );
  if (bridges.length > 0) {
    return `Bridge(s) ${names(bridges)} not allowed by policy (available: ${names(policy.bridges)})`;
  }
  return undefined;
}
