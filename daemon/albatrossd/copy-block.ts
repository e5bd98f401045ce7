/**
 * Copies of block devices: shared with the source where the file system can do that, and sparse in any case.
 *
 * @module
 */
import { constants } from "node:fs";
import { copyFile, type FileHandle, open } from "node:fs/promises";
import { dataExtents } from "../../runtime/data-extents.ts";
import { STAGE_SIZE } from "./block-upload.ts";
import { NewBlockFile } from "./new-block-file.ts";

/** Codes of file systems that cannot share content between files. */
const NOT_SHARED: ReadonlySet<unknown> = new Set(["ENOTSUP", "EOPNOTSUPP", "EXDEV", "EINVAL", "ENOSYS", "ENOTTY"]);

/**
 * Shares the content of a file with a new one: at one instant, whoever writes to the source.
 *
 * @returns the new file, or `undefined` if the file system cannot do that
 * @throws the system's error
 */
export async function shareFile(
  databaseDirectory: string,
  source: string,
  size: number,
): Promise<NewBlockFile | undefined> {
  const { COPYFILE_EXCL, COPYFILE_FICLONE_FORCE } = constants;
  try {
    return await NewBlockFile.create(databaseDirectory, size, async (path) => {
      await copyFile(source, path, COPYFILE_EXCL | COPYFILE_FICLONE_FORCE);
    });
  } catch (error) {
    if (NOT_SHARED.has((error as { code?: unknown }).code)) return undefined;
    throw error;
  }
}

/** Copies a file that nobody writes to, without its holes. @throws the system's error */
export async function copyData(databaseDirectory: string, source: string, size: number): Promise<NewBlockFile> {
  const from = await open(source, "r");
  try {
    const copy = await NewBlockFile.create(databaseDirectory, size);
    try {
      for (const { start, end } of dataExtents(from.fd, size)) await copyExtent(from, copy, start, end);
    } catch (error) {
      await copy.abort();
      throw error;
    }
    return copy;
  } finally {
    await from.close();
  }
}

async function copyExtent(from: FileHandle, to: NewBlockFile, start: number, end: number): Promise<void> {
  const buffer = new Uint8Array(Math.min(STAGE_SIZE, end - start));
  for (let at = start; at < end; ) {
    const { bytesRead } = await from.read(buffer, 0, Math.min(buffer.length, end - at), at);
    if (bytesRead === 0) return; // nothing but zeros follow
    await to.write(buffer.subarray(0, bytesRead), at);
    at += bytesRead;
  }
}
