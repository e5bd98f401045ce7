/**
 * Block devices on the disk: plain files of exactly their size in `D/block` (daemon.md 14).
 *
 * @module
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Name, NameError, parseName } from "../../core/name.ts";
import { blockFile } from "../../core/paths.ts";
import type { BlockEntry } from "../../core/resources.ts";
import type { Log } from "../common/log.ts";

/** Bytes. */
export const MEBIBYTE = 2 ** 20;

/** Why a file of `size` bytes is no device; `undefined` if it is one. */
function unsuitable(size: number): string | undefined {
  return size === 0 || size % MEBIBYTE !== 0 ? "size is either 0 or not MB aligned" : undefined;
}

/** The devices found in `D/block`; files that are none are warned about. */
export function scanBlocks(databaseDirectory: string, log: Log): BlockEntry[] {
  const folder = join(databaseDirectory, "block");
  const found: BlockEntry[] = [];
  for (const file of readdirSync(folder)) {
    try {
      const name = parseName(file);
      const { size } = statSync(join(folder, file));
      if (name.isPath || name.text !== file) throw new NameError("invalid name");
      const defect = unsuitable(size);
      if (defect === undefined) found.push({ name, size: size / MEBIBYTE });
      else log.warning(`ignoring block device ${file}: ${defect}`);
    } catch (error) {
      log.warning(`ignoring ${file} in ${folder}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return found;
}

/** The device of this name as it is on the disk now, in MiB; `undefined` if there is none. */
export function sizeOfBlock(databaseDirectory: string, name: Name): number | undefined {
  const status = statSync(blockFile(databaseDirectory, name), { throwIfNoEntry: false });
  return status === undefined || unsuitable(status.size) !== undefined ? undefined : status.size / MEBIBYTE;
}
