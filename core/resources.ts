/**
 * Admission: which unikernels, block devices and policies the policies of the tree allow (daemon.md 15).
 *
 * Stricter than the original, with its texts: every ancestor's policy and the root policy are enforced, each with the
 * use of everything below it, not only the policy of the direct path.
 *
 * @module
 */
import type { ByteString } from "./byte-string.ts";
import { toDisplay } from "./byte-string.ts";
import { add, type Int, subtract } from "./int.ts";
import { type Label, type Name, parseLabel } from "./name.ts";
import type { Policy } from "./policy.ts";
import { isSmaller, without } from "./policy-check.ts";
import type { UnikernelArguments } from "./unikernel.ts";
import { zvolOf } from "./zvol.ts";

/** A policy at its path. */
export interface PolicyEntry {
  readonly name: Name;
  readonly policy: Policy;
}

/** What albatrossd itself does with a block device: a `read` bears others, a `write` nothing. */
export type BlockHold = "read" | "write";

/** A block device on the host. */
export interface BlockEntry {
  readonly name: Name;
  /** MiB. */
  readonly size: Int;
  /** What is being done with it now; with any of these no unikernel may have it. */
  readonly holds?: readonly BlockHold[];
}

/** A unikernel that holds resources, running or about to. */
export interface Consumer {
  readonly name: Name;
  readonly arguments: Pick<UnikernelArguments, "memory" | "cpuIds" | "networks" | "blockDevices">;
  /** MiB that are counted at least: those of what it replaces, which is still there or may have to come back. */
  readonly heldMemory?: Int | undefined;
}

/** Everything admission depends on. Maps are keyed by {@link Name.key}. */
export interface Resources {
  readonly policies: ReadonlyMap<string, PolicyEntry>;
  readonly unikernels: ReadonlyMap<string, Consumer>;
  readonly blocks: ReadonlyMap<string, BlockEntry>;
  /** The path whose unikernels may use ZFS volumes. */
  readonly zvolPath?: Name | undefined;
}

/** The host's name of a network's bridge. */
export function bridgeOf(network: { readonly name: ByteString; readonly bridge: ByteString | undefined }): ByteString {
  return network.bridge ?? network.name;
}

/** The full name of a unikernel's block device, or `undefined` if the host could not have such a name. */
export function blockNameOf(
  unikernel: Name,
  device: { readonly name: ByteString; readonly device: ByteString | undefined },
): Name | undefined {
  let label: Label;
  try {
    label = parseLabel(device.device ?? device.name);
  } catch {
    return undefined; // no device can be registered under such a name
  }
  return unikernel.sibling(label);
}

/** Whether `path` is one of the paths above a unikernel or block device: `:foo` and `foo:` share a slot, but no limits. */
function isBelow(name: Name, path: Name): boolean {
  return name.parentPath.isWithin(path);
}

/** What unikernels hold. */
export interface Used {
  readonly count: number;
  /** MiB. */
  readonly memory: Int;
}

/** What the unikernels at a path and below hold. */
export function usedBelow(resources: Resources, path: Name): Used {
  let count = 0;
  let memory: Int = 0;
  for (const unikernel of resources.unikernels.values()) {
    if (!isBelow(unikernel.name, path)) continue;
    count++;
    const { heldMemory = 0, arguments: given } = unikernel;
    const holds = heldMemory > given.memory; // bigints are beyond Math.max
    memory = add(memory, holds ? heldMemory : given.memory);
  }
  return { count, memory };
}

/** The sizes of the block devices at a path and below, MiB. */
export function blockUsedBelow(resources: Resources, path: Name): Int {
  let used: Int = 0;
  for (const block of resources.blocks.values()) if (isBelow(block.name, path)) used = add(used, block.size);
  return used;
}

/** The policies that bind things on `path`: its own one and those of all ancestors, nearest first, the root last. */
function bindingPolicies(resources: Resources, path: Name): PolicyEntry[] {
  const found: PolicyEntry[] = [];
  for (let depth = path.path.length; depth >= 0; depth--) {
    const entry = resources.policies.get(path.path.slice(0, depth).join(":"));
    if (entry !== undefined) found.push(entry);
  }
  return found;
}

function refusedByPolicy(
  resources: Resources,
  { name: path, policy }: PolicyEntry,
  wanted: Consumer["arguments"],
): string | undefined {
  const used = usedBelow(resources, path);
  if (used.count + 1 > policy.unikernels) return `maximum amount of unikernels (${policy.unikernels}) reached`;
  if (wanted.memory > subtract(policy.memory, used.memory)) {
    return `maximum allowed memory (${policy.memory}, used ${used.memory}) would be exceeded (requesting ${wanted.memory})`;
  }
  const cpuIds = without(wanted.cpuIds, policy.cpuIds);
  if (cpuIds.length > 0) return `CPUids ${cpuIds.join(", ")} are not allowed by policy`;
  // What names none runs on any of the host's, which is what the root's policy allows.
  if (wanted.cpuIds.length === 0 && path.key !== "") {
    return `a unikernel without CPUids is not allowed by policy. Give some of ${policy.cpuIds.join(", ")}`;
  }
  const bridges = without(new Set(wanted.networks.map(bridgeOf)), policy.bridges);
  if (bridges.length > 0) return `bridges ${bridges.sort().map(toDisplay).join(", ")} not allowed by policy`;
  return undefined;
}

function refusedByBlocks(
  resources: Resources,
  name: Name,
  wanted: Consumer["arguments"]["blockDevices"],
): string | undefined {
  if (wanted.length === 0) return undefined;
  const taken = new Set<string>();
  for (const unikernel of resources.unikernels.values()) {
    for (const device of unikernel.arguments.blockDevices) {
      const key = blockNameOf(unikernel.name, device)?.key ?? zvolOf(resources.zvolPath, unikernel.name, device);
      if (key !== undefined) taken.add(key);
    }
  }
  for (const device of wanted) {
    const block = blockNameOf(name, device);
    const volume = block === undefined ? zvolOf(resources.zvolPath, name, device) : undefined;
    const shown = block?.toDisplay() ?? toDisplay(device.device ?? device.name);
    const present = block === undefined ? undefined : resources.blocks.get(block.key);
    const key = present === undefined ? volume : block?.key;
    if (key === undefined) return `block device ${shown} not found`;
    // Also catches two devices of this unikernel on the same host device.
    if (taken.has(key) || (present?.holds?.length ?? 0) > 0) return `block device ${shown} already in use`;
    taken.add(key);
  }
  return undefined;
}

/**
 * Whether a unikernel may be created.
 *
 * @param resources without the unikernel itself, where it replaces one of the same name
 * @returns the reason why not, or `undefined`
 */
export function checkUnikernel(resources: Resources, name: Name, wanted: Consumer["arguments"]): string | undefined {
  // Before anything is counted: a negative amount would make room for others.
  if (wanted.memory <= 0) return `Cannot run a unikernel with ${wanted.memory} MB of memory. Give it at least 1 MB`;
  for (const entry of bindingPolicies(resources, name.parentPath)) {
    const refusal = refusedByPolicy(resources, entry, wanted);
    if (refusal !== undefined) return refusal;
  }
  const refusal = refusedByBlocks(resources, name, wanted.blockDevices);
  if (refusal !== undefined) return refusal;
  if (resources.unikernels.has(name.key)) return "unikernel with same name already exists";
  return undefined;
}

/**
 * Whether a block device of `size` MiB may be added.
 *
 * @returns the reason why not, or `undefined`
 */
export function checkBlock(resources: Resources, name: Name, size: Int): string | undefined {
  if (resources.blocks.has(name.key)) return `block device with name ${name.toDisplay()} already exists`;
  for (const { name: path, policy } of bindingPolicies(resources, name.parentPath)) {
    if (policy.block === undefined) return "no block devices are allowed by policy";
    const used = blockUsedBelow(resources, path);
    if (size > subtract(policy.block, used)) {
      return `block device policy limit of ${policy.block} MB (used ${used} MB) would be exceeded by the request (${size} MB)`;
    }
  }
  return undefined;
}

function refusedByUse(resources: Resources, path: Name, policy: Policy): string | undefined {
  const cpuIds = new Set<Int>();
  const bridges = new Set<ByteString>();
  for (const unikernel of resources.unikernels.values()) {
    if (!isBelow(unikernel.name, path)) continue;
    for (const id of unikernel.arguments.cpuIds) cpuIds.add(id);
    for (const network of unikernel.arguments.networks) bridges.add(bridgeOf(network));
  }
  const excess = without(cpuIds, policy.cpuIds).sort((a, b) => (a < b ? -1 : 1));
  if (excess.length > 0) return `policy does not allow CPUids ${excess.join(", ")}`;
  if (without(bridges, policy.bridges).length > 0) {
    const list = (values: Iterable<ByteString>) => [...values].sort().map(toDisplay).join(", ");
    return `policy allows bridges ${list(policy.bridges)}, which is not a superset of ${list(bridges)}`;
  }
  const { count, memory } = usedBelow(resources, path);
  if (count > policy.unikernels) {
    return `unikernel would exceed running unikernel limit set by policy to ${policy.unikernels}, running ${count}`;
  }
  if (memory > policy.memory) {
    return `unikernel would exceed running memory limit set by policy to ${policy.memory} MB, used ${memory} MB`;
  }
  const block = blockUsedBelow(resources, path);
  if (block > (policy.block ?? 0)) {
    return `unikernel would exceed running block storage limit set by policy to ${policy.block ?? 0} MB, used ${block} MB`;
  }
  return undefined;
}

/**
 * Whether `policy` may be set at `path`, in place of one that is there.
 *
 * The root policy is what the host has; it binds unikernels at admission, and policies below it may exceed it.
 *
 * @returns the reason why not, or `undefined`
 */
export function insertPolicy(resources: Resources, path: Name, policy: Policy): string | undefined {
  for (let depth = path.path.length - 1; depth > 0; depth--) {
    const ancestor = resources.policies.get(path.path.slice(0, depth).join(":"));
    const refusal = ancestor === undefined ? undefined : isSmaller(ancestor.policy, policy);
    if (refusal !== undefined) return refusal;
  }
  for (const below of resources.policies.values()) {
    if (below.name.key === path.key || !below.name.isWithin(path)) continue;
    const refusal = isSmaller(policy, below.policy);
    if (refusal !== undefined) return refusal;
  }
  return refusedByUse(resources, path, policy);
}

/** `resources` without one block device: what it is checked against with another size. */
export function withoutBlock(resources: Resources, name: Name): Resources {
  const blocks = new Map(resources.blocks);
  blocks.delete(name.key);
  return { ...resources, blocks };
}

/** `resources` without one unikernel: what the instance that replaces it is checked against. */
export function withoutUnikernel(resources: Resources, name: Name): Resources {
  const unikernels = new Map(resources.unikernels);
  unikernels.delete(name.key);
  return { ...resources, unikernels };
}
