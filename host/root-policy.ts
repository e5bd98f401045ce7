/**
 * The root policy: what this host has to give (daemon.md 4).
 *
 * @module
 */
import { readFileSync, statfsSync, statSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { INT_MAX, normalize } from "../core/int.ts";
import type { Policy } from "../core/policy.ts";
import { systemErrorText } from "../runtime/system-error.ts";
import type { HostNetwork } from "./host-network.ts";

const MEBIBYTE = 1024 * 1024;

/** Linux tells here which CPUs are online. */
const ONLINE_CPUS = "/sys/devices/system/cpu/online";

/** The resources of the host could not be determined; albatrossd cannot start. */
export class RootPolicyError extends Error {
  override readonly name = "RootPolicyError";
}

function refusal(error: unknown): RootPolicyError {
  const number = typeof error === "object" && error !== null && "errno" in error ? error.errno : undefined;
  const reason =
    typeof number === "number" ? systemErrorText(Math.abs(number)) : error instanceof Error ? error.message : error;
  return new RootPolicyError(`root policy failed: ${reason}`, { cause: error });
}

/** The numbers in a list of Linux: `0-2,5` is 0, 1, 2 and 5; `undefined` if it is not such a list. */
export function parseCpuList(list: string): readonly number[] | undefined {
  const ids: number[] = [];
  for (const range of list.trim().split(",")) {
    const match = /^([0-9]{1,4})(?:-([0-9]{1,4}))?$/.exec(range);
    if (match === null) return undefined;
    const first = Number(match[1]);
    for (let id = first; id <= Number(match[2] ?? first); id++) ids.push(id);
  }
  return ids;
}

/** Ids of the CPUs that are online: those that a process can be confined to, which need not be consecutive. */
function onlineCpus(): readonly number[] {
  if (process.platform === "linux") {
    const ids = parseCpuList(readFileSync(ONLINE_CPUS, "latin1"));
    if (ids !== undefined) return ids;
    throw new Error(`${ONLINE_CPUS} has an unknown format`);
  }
  return cpus().map((_, id) => id);
}

/**
 * Determines the resources of this host: all online CPUs, all memory, the total size of the file system that holds the
 * block devices, and all bridges. The number of unikernels is not limited.
 *
 * @param databaseDirectory `D`; its directory `block` must exist
 * @throws {RootPolicyError} `root policy failed: …`
 */
export function discoverRootPolicy(databaseDirectory: string, network: Pick<HostNetwork, "listBridges">): Policy {
  const blockDirectory = join(databaseDirectory, "block");
  try {
    if (!statSync(blockDirectory).isDirectory()) throw new Error(`${blockDirectory} is not a directory`);
    const { blocks, bsize } = statfsSync(blockDirectory, { bigint: true });
    return {
      unikernels: INT_MAX,
      cpuIds: onlineCpus(),
      memory: Math.floor(totalmem() / MEBIBYTE),
      block: normalize((blocks * bsize) / BigInt(MEBIBYTE)),
      bridges: network.listBridges(),
    };
  } catch (error) {
    throw refusal(error);
  }
}
