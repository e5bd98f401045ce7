/**
 * The block devices that a start needs.
 *
 * @module
 */
import type { UnikernelSpec } from "../../core/engine/state.ts";
import type { Name } from "../../core/name.ts";
import { blockNameOf } from "../../core/resources.ts";
import { zvolOf } from "../../core/zvol.ts";
import { requireZvol, sizeOfBlock } from "./block-files.ts";
import { type InstanceHost, StartError } from "./instance.ts";
import type { Ledger } from "./ledger.ts";

/**
 * Makes sure that they are there, and free. A restored unikernel may have lost one, and its tender would end with a status
 * that is not restarted: it waits for the device instead, which may appear later.
 *
 * @throws {StartError}
 */
export function requireBlocks(ledger: Ledger, host: InstanceHost, name: Name, spec: UnikernelSpec): void {
  for (const device of spec.arguments.blockDevices) {
    const volume = zvolOf(host.zvolPath, name, device);
    if (volume !== undefined) {
      requireZvol(volume);
      continue;
    }
    const block = blockNameOf(name, device);
    const size = block === undefined ? undefined : sizeOfBlock(host.databaseDirectory, block);
    if (block === undefined || size === undefined) {
      throw new StartError(`block device ${block?.toDisplay() ?? device.device ?? device.name} not found`);
    }
    const present = ledger.state.blocks.get(block.key);
    if (present === undefined) ledger.restore({ kind: "block-added", name: block, size });
    if ((present?.holds?.length ?? 0) > 0) throw new StartError(`block device ${block.toDisplay()} already in use`);
  }
}
