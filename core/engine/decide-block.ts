/**
 * Decides commands about block devices (daemon.md 14).
 *
 * @module
 */
import type { Int } from "../int.ts";
import { type Label, type Name, NameError, parseLabel } from "../name.ts";
import { type BlockEntry, blockNameOf, checkBlock, withoutBlock } from "../resources.ts";
import type { BlockCommand } from "../wire/message.ts";
import { checkedLevel, LEVEL_MAX } from "./compression-level.ts";
import type { State, Unikernel } from "./state.ts";

/** What albatrossd has to do for a command. Sizes are in MiB. */
export type BlockPlan =
  /** Create a device. */
  | { readonly kind: "add-block"; readonly size: number }
  | { readonly kind: "remove-block"; readonly size: Int }
  /** Replace the content. */
  | { readonly kind: "set-block"; readonly size: Int }
  /** Send the content, compressed at `level` (0–9, 0 is not at all). */
  | { readonly kind: "dump-block"; readonly level: number; readonly size: Int }
  /** Copy to a new device. `live`: a unikernel may be writing to the source. */
  | { readonly kind: "copy-block"; readonly target: Name; readonly size: Int; readonly live: boolean }
  | { readonly kind: "resize-block"; readonly from: Int; readonly size: number };

/** MiB in the largest size whose bytes are still exact. */
const BLOCK_SIZE_MAX = Math.floor(Number.MAX_SAFE_INTEGER / 2 ** 20);

const impossible = "overflow while computing bytes";

function isPossible(size: Int): size is number {
  return typeof size === "number" && size >= 1 && size <= BLOCK_SIZE_MAX;
}

/** The unikernel that has a block device attached, if any. */
export function blockUser(state: State, block: Name): Unikernel | undefined {
  for (const unikernel of state.unikernels.values()) {
    const { name, arguments: given } = unikernel;
    if (given.blockDevices.some((device) => blockNameOf(name, device)?.key === block.key)) return unikernel;
  }
  return undefined;
}

function find(state: State, name: Name): BlockEntry | undefined {
  const present = state.blocks.get(name.key);
  return present?.name.text === name.text ? present : undefined;
}

/** Whether nothing may change a device now: a unikernel has it, or it is being read or written. */
function isInUse(state: State, { name, holds }: BlockEntry): boolean {
  return (holds?.length ?? 0) > 0 || blockUser(state, name) !== undefined;
}

function decideAdd(state: State, name: Name, size: Int): BlockPlan | string {
  if (name.isPath) {
    return `add block: ${name.toDisplay()} is a path, not the name of a block device; add the name after the colon`;
  }
  if (state.blocks.has(name.key)) return "block device with same name already exists";
  const refusal = checkBlock(state, name, size);
  if (refusal !== undefined) return refusal;
  return isPossible(size) ? { kind: "add-block", size } : impossible;
}

function decideDump(state: State, name: Name, wanted: Int): BlockPlan | string {
  const present = find(state, name);
  if (present === undefined) return "dump block: not found";
  // Several may read at a time.
  if (present.holds?.includes("write") || blockUser(state, name) !== undefined) return "dump block: is in use";
  const level = checkedLevel(wanted);
  if (level === undefined) return `dump block: compression level ${wanted} is not between 0 and ${LEVEL_MAX}`;
  return { kind: "dump-block", level, size: present.size };
}

function decideCopy(state: State, name: Name, command: BlockCommand & { kind: "block-copy" }): BlockPlan | string {
  const what = command.snapshot ? "snapshot block" : "clone block";
  const present = find(state, name);
  if (present === undefined) return `${what}: not found`;
  let label: Label;
  try {
    label = parseLabel(command.target);
  } catch (error) {
    if (error instanceof NameError) return `${what}: ${error.message}`;
    throw error;
  }
  const target = name.sibling(label);
  if (state.blocks.has(target.key)) return "block device with same name already exists";
  if (present.holds?.includes("write")) return `${what}: is in use`;
  const live = blockUser(state, name) !== undefined;
  if (live && !command.snapshot) return `${what}: is in use. Take a snapshot instead, or end the unikernel first`;
  const refusal = checkBlock(state, target, present.size);
  return refusal ?? { kind: "copy-block", target, size: present.size, live };
}

function decideResize(state: State, name: Name, size: Int, shrink: boolean): BlockPlan | string {
  const present = find(state, name);
  if (present === undefined) return "resize block: not found";
  if (isInUse(state, present)) return "resize block: is in use";
  if (size < present.size && !shrink) {
    return `resize block: from ${present.size} MB to ${size} MB loses what is stored beyond. Allow it with --shrink`;
  }
  const refusal = size > present.size ? checkBlock(withoutBlock(state, name), name, size) : undefined;
  if (refusal !== undefined) return refusal;
  return isPossible(size) ? { kind: "resize-block", from: present.size, size } : impossible;
}

/**
 * Decides a command that changes a device or needs its content.
 *
 * @returns the plan, or the text of the refusal
 */
export function decideBlock(
  state: State,
  name: Name,
  command: Exclude<BlockCommand, { kind: "block-info" }>,
): BlockPlan | string {
  switch (command.kind) {
    case "block-add":
    case "block-add-old":
      return decideAdd(state, name, command.size);
    case "block-dump":
    case "block-dump-old":
      return decideDump(state, name, command.level);
    case "block-copy":
      return decideCopy(state, name, command);
    case "block-resize":
      return decideResize(state, name, command.size, command.shrink);
    case "block-set":
    case "block-set-old":
    case "block-remove": {
      const [kind, what] =
        command.kind === "block-remove"
          ? (["remove-block", "remove block"] as const)
          : (["set-block", "set block"] as const);
      const present = find(state, name);
      if (present === undefined) return `${what}: not found`;
      return isInUse(state, present) ? `${what}: is in use` : { kind, size: present.size };
    }
  }
}
