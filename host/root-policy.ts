/**
 * The root policy: what this host has to give (daemon.md 4).
 *
 * @module
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { INT_MAX, normalize } from "../core/int.ts";
import type { Policy } from "../core/policy.ts";
import { systemErrorText } from "../runtime/system-error.ts";
import type { HostNetwork } from "./host-network.ts";
import type { HostResources } from "./host-resources.ts";
import { hostResources } from "./resources.ts";

const MEBIBYTE = 1024 * 1024;

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

/**
 * Determines the resources of this host: all online CPUs, all memory, the total size of the file system that holds the
 * block devices, and all bridges. The number of unikernels is not limited.
 *
 * @param databaseDirectory `D`; its directory `block` must exist
 * @throws {RootPolicyError} `root policy failed: …`
 */
export function discoverRootPolicy(
  databaseDirectory: string,
  network: Pick<HostNetwork, "listBridges">,
  resources: HostResources = hostResources,
): Policy {
  const blockDirectory = join(databaseDirectory, "block");
  try {
    if (!statSync(blockDirectory).isDirectory()) throw new Error(`${blockDirectory} is not a directory`);
    return {
      unikernels: INT_MAX,
      cpuIds: resources.cpuIds(),
      memory: Math.floor(resources.memory() / MEBIBYTE),
      block: normalize(resources.fileSystemSize(blockDirectory) / BigInt(MEBIBYTE)),
      bridges: network.listBridges(),
    };
  } catch (error) {
    throw refusal(error);
  }
}
