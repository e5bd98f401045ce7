/**
 * Block devices on the disk: plain files of exactly their size in `D/block` (daemon.md 14).
 *
 * @module
 */
import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Name, NameError, parseName } from "../../core/name.ts";
import { blockDirectory, blockFile } from "../../core/paths.ts";
import type { BlockEntry } from "../../core/resources.ts";
import type { Log } from "../common/log.ts";
import { StartError } from "./instance.ts";

/** Bytes. */
export const MEBIBYTE = 2 ** 20;

/** The folder within `D/block` of devices that are not complete yet: no name of a device, but on the same file system. */
const UNFINISHED = ".unfinished";

/** Where devices are made, to be moved into their place when they are complete. */
export function unfinishedBlocks(databaseDirectory: string): string {
  return join(blockDirectory(databaseDirectory), UNFINISHED);
}

/** Makes the folders, and removes what an earlier albatrossd did not finish. */
export function prepareBlocks(databaseDirectory: string): void {
  const folder = unfinishedBlocks(databaseDirectory);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const file of readdirSync(folder)) rmSync(join(folder, file), { recursive: true });
}

/** Why a file of `size` bytes is no device; `undefined` if it is one. */
function unsuitable(size: number): string | undefined {
  return size === 0 || size % MEBIBYTE !== 0 ? "size is either 0 or not MB aligned" : undefined;
}

/** The devices found in `D/block`; files that are none are warned about. */
export function scanBlocks(databaseDirectory: string, log: Log): BlockEntry[] {
  const folder = blockDirectory(databaseDirectory);
  const found: BlockEntry[] = [];
  for (const file of readdirSync(folder)) {
    if (file === UNFINISHED) continue;
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

/**
 * Makes sure that a ZFS volume is there. On FreeBSD, disks are character devices.
 *
 * @throws {StartError} with the text for the client
 */
export function requireZvol(path: string): void {
  const status = statSync(path, { throwIfNoEntry: false });
  const isDisk = process.platform === "linux" ? status?.isBlockDevice() : status?.isCharacterDevice();
  if (status === undefined) throw new StartError(`block device ${path} not found`);
  if (isDisk !== true) throw new StartError(`block device ${path} is not a disk. Name a ZFS volume`);
}
