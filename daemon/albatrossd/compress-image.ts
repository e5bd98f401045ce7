/**
 * Compresses a stored image for a reply.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { deflate } from "node:zlib";

const compress = promisify(deflate);

/** The zlib stream (RFC 1950) of a file, made on another thread. `level` is 1 to 9. */
export async function compressImage(path: string, level: number): Promise<Uint8Array> {
  return await compress(await readFile(path), { level });
}
