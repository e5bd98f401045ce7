/**
 * What becomes of downloads: they are written to a file, and said to be.
 *
 * @module
 */
import { fromText } from "../core/byte-string.ts";
import type { Name } from "../core/name.ts";
import type { Message } from "../core/wire/message.ts";
import type { Context } from "./context.ts";
import { DownloadError, downloadPath, writeDownload } from "./download.ts";
import { EXIT_COMMUNICATION, report, reportLocal } from "./exchange.ts";
import { EXIT_USAGE } from "./usage-error.ts";

/** Prints the reply to `get`, writes its image into a new file, and gives the exit status. */
export async function reportImage(context: Context, reply: Message): Promise<number> {
  const { payload, header } = reply;
  if (payload.kind !== "success" || payload.success.kind !== "unikernel-image") {
    const status = report(context, reply);
    if (status !== 0) return status;
    return reportLocal(context, "The daemon answered without an image", "protocol", EXIT_COMMUNICATION);
  }
  const path = downloadPath(context.environment, header.name, context.started);
  if (!context.json) report(context, reply);
  try {
    await writeDownload(path, payload.success.image, payload.success.compressed);
  } catch (error) {
    return reportDownloadError(context, error);
  }
  if (context.json) report(context, reply, { file: path });
  else context.log.reply(fromText(`dumped image to ${path}`));
  return 0;
}

/**
 * Prints the reply to the dump of a block device, writes what follows it into a new file, and gives the exit status.
 *
 * @param data the contents, as transferred
 * @throws {ClientError} of the iteration
 */
export async function reportDump(
  context: Context,
  reply: Message,
  compressed: boolean,
  data: AsyncIterable<Uint8Array>,
): Promise<number> {
  const name: Name = reply.header.name;
  const path = downloadPath(context.environment, name, context.started);
  if (!context.json) report(context, reply);
  try {
    await writeDownload(path, data, compressed);
  } catch (error) {
    return reportDownloadError(context, error);
  }
  if (context.json) report(context, reply, { file: path });
  else context.log.reply(fromText(`dumped to ${path}`));
  return 0;
}

function reportDownloadError(context: Context, error: unknown): number {
  if (!(error instanceof DownloadError)) throw error;
  return error.reason === "data"
    ? reportLocal(context, error.message, "protocol", EXIT_COMMUNICATION)
    : reportLocal(context, error.message, "file", EXIT_USAGE);
}
