/**
 * The file of a block device in the making: sparse, and put into its place only when it is complete and on the disk.
 *
 * @module
 */
import { type FileHandle, link, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Name } from "../../core/name.ts";
import { blockDirectory, blockFile } from "../../core/paths.ts";
import { syncData, writeSome } from "../../host/file-data.ts";
import { randomHex } from "../../host/random-hex.ts";
import { dataRuns } from "../../runtime/sparse.ts";
import { unfinishedBlocks } from "./block-files.ts";

/** Bytes written from which on the disk is asked to begin with its work, so that the end has not to wait for all of it. */
export const SYNC_STEP = 32 * 2 ** 20;

/** Call `commit` or `abort`, once, after all writes have ended. */
export class NewBlockFile {
  readonly #directory: string;
  readonly #path: string;
  readonly #file: FileHandle;
  #unsynced = 0;
  #syncing: Promise<void> | undefined;
  #syncFailure: unknown;

  private constructor(directory: string, path: string, file: FileHandle) {
    this.#directory = directory;
    this.#path = path;
    this.#file = file;
  }

  /**
   * A file of `size` bytes, all zero.
   *
   * @param make gives it its content at once, by a path that does not exist yet
   */
  static async create(
    databaseDirectory: string,
    size: number,
    make?: (path: string) => Promise<void>,
  ): Promise<NewBlockFile> {
    const path = join(unfinishedBlocks(databaseDirectory), randomHex(9));
    let file: FileHandle | undefined;
    try {
      await make?.(path);
      file = await open(path, make === undefined ? "wx" : "r+", 0o600);
      await file.truncate(size);
      if (make !== undefined) await file.chmod(0o600);
      return new NewBlockFile(databaseDirectory, path, file);
    } catch (error) {
      await file?.close();
      await rm(path, { force: true });
      throw error;
    }
  }

  /** Writes `bytes` at `position`, leaving out what is zero. They must not change meanwhile. */
  async write(bytes: Uint8Array, position: number): Promise<void> {
    if (this.#syncFailure !== undefined) throw this.#syncFailure;
    const descriptor = this.#file.fd;
    for (const { start, end } of dataRuns(bytes)) {
      for (let at = start; at < end; ) at += await writeSome(descriptor, bytes, at, end, position + at);
      this.#unsynced += end - start;
    }
    if (this.#unsynced < SYNC_STEP || this.#syncing !== undefined) return;
    this.#unsynced = 0;
    this.#syncing = syncData(descriptor)
      .catch((error: unknown) => {
        this.#syncFailure = error; // the system tells it once only
      })
      .finally(() => {
        this.#syncing = undefined;
      });
  }

  /**
   * Puts the file on the disk, and then into its place.
   *
   * @param replace whether there is a device of that name, whose content this one becomes; otherwise there must be none
   * @throws the system's error; everything is as before then
   */
  async commit(name: Name, replace: boolean): Promise<void> {
    const place = blockFile(this.#directory, name);
    let linked = false;
    try {
      await this.#syncing;
      if (this.#syncFailure !== undefined) throw this.#syncFailure;
      await this.#file.sync();
      await changeFolder(blockDirectory(this.#directory), async () => {
        // Not a rename where there must be nothing: that would replace a file that is no device.
        if (replace) await rename(this.#path, place);
        else await link(this.#path, place);
        linked = !replace;
      });
    } catch (error) {
      if (linked) await rm(place, { force: true });
      throw error;
    } finally {
      await this.abort(); // by now that is but another name of what is in place
    }
  }

  /** Removes it from where it was made. */
  async abort(): Promise<void> {
    await this.#syncing;
    await this.#file.close();
    await rm(this.#path, { force: true });
  }
}

/** Changes entries of a folder, and puts that on the disk. Nothing is changed without a descriptor to do that by. */
export async function changeFolder(path: string, change: () => Promise<void>): Promise<void> {
  const folder = await open(path, "r");
  try {
    await change();
    await folder.sync();
  } finally {
    await folder.close();
  }
}
