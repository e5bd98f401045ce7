/**
 * `albatross-client snapshot-block`, `clone-block` and `resize-block`: what only our albatrossd can do.
 *
 * @module
 */
import { fromText } from "../../core/byte-string.ts";
import type { Name } from "../../core/name.ts";
import type { BlockCommand } from "../../core/wire/message.ts";
import type { Values } from "../command.ts";
import type { cloneBlock as cloneDefinition } from "../commands/clone-block.ts";
import type { resizeBlock as resizeDefinition } from "../commands/resize-block.ts";
import type { snapshotBlock as snapshotDefinition } from "../commands/snapshot-block.ts";
import type { Context } from "../context.ts";
import { type DaemonValues, EXIT_COMMUNICATION, exchange, SHOW_ONLY } from "../exchange.ts";

/** Makes a copy of a device that may be in use. */
export async function snapshotBlock(values: Values<typeof snapshotDefinition>, context: Context): Promise<number> {
  const command = { kind: "block-copy", target: fromText(values.target), snapshot: true } as const;
  return await extension(values, context, values.name, command);
}

/** Makes a copy of a device. */
export async function cloneBlock(values: Values<typeof cloneDefinition>, context: Context): Promise<number> {
  const command = { kind: "block-copy", target: fromText(values.target), snapshot: false } as const;
  return await extension(values, context, values.name, command);
}

/** Gives a device another size. */
export async function resizeBlock(values: Values<typeof resizeDefinition>, context: Context): Promise<number> {
  const { size, shrink } = values;
  return await extension(values, context, values.name, { kind: "block-resize", size, shrink });
}

/** A daemon that cannot decode a command closes the connection: say what that may mean. */
async function extension(values: DaemonValues, context: Context, name: Name, command: BlockCommand): Promise<number> {
  const status = await exchange(values, context, name, command);
  if (status === EXIT_COMMUNICATION && values.socket !== SHOW_ONLY && values.destination !== "-") {
    context.hint("the original Albatross does not know this command: is it the one that was asked?");
  }
  return status;
}
