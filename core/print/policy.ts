/**
 * Printed policies (client.md 8).
 *
 * @module
 */
import type { ByteString } from "../byte-string.ts";
import type { Int } from "../int.ts";
import type { Policy } from "../policy.ts";

/** An integer as the original's `%u` shows it: 63 bit, unsigned. */
export function unsigned(value: Int): string {
  return value >= 0 ? value.toString() : BigInt.asUintN(63, BigInt(value)).toString();
}

/** `policy: 3 unikernels 0,1 CPUids 64 MB memory no block`, and the bridges if there are any. */
export function printPolicy(policy: Policy): ByteString {
  const block = policy.block === undefined ? "no block" : `${policy.block} MB block`;
  const bridges = policy.bridges.length === 0 ? "" : `, bridges: ${policy.bridges.join(", ")}`;
  const cpus = policy.cpuIds.join(",");
  return `policy: ${policy.unikernels} unikernels ${cpus} CPUids ${unsigned(policy.memory)} MB memory ${block}${bridges}` as ByteString;
}
