/**
 * What becomes of downloads: they are written to a file, and said to be.
 *
 * @module
 */
import { ProtocolError, RefusedError } from "../client/errors.ts";
import { DUMP_BYTES_MAX, unpacked } from "../client/unpack.ts";
import { fromText } from "../core/byte-string.ts";
import type { Message } from "../core/wire/message.ts";
import type { Context } from "./context.ts";
import { DownloadError, DUMP_MODE, downloadPath, writeDownload } from "./download.ts";
import { EXIT_COMMUNICATION, report, reportLocal } from "./exchange.ts";
import { writeBytes } from "./output.ts";
import type { Progress } from "./progress.ts";
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

/** Where a dump goes, and who follows it. */
export interface DumpOptions {
  /** A file, or `-` for standard output; a name in the temporary directory unless given. */
  readonly output?: string | undefined;
  readonly progress?: Progress;
}

/** The value that stands for standard output. */
export const STANDARD_OUTPUT = "-";

/**
 * Prints the reply to the dump of a block device, writes what follows it to where it shall go, and gives the exit status.
 *
 * @param reply whose success is `block-device-image`
 * @param data the contents, as transferred
 * @throws {ClientError} of the iteration, but for refusals
 */
export async function reportDump(
  context: Context,
  reply: Message,
  data: AsyncIterable<Uint8Array>,
  { output, progress }: DumpOptions = {},
): Promise<number> {
  const { header, payload } = reply;
  const compressed =
    payload.kind === "success" && payload.success.kind === "block-device-image" && payload.success.compressed;
  const path = output ?? downloadPath(context.environment, header.name, context.started);
  const options = { limit: DUMP_BYTES_MAX, advance: (bytes: number) => progress?.advance(bytes) };
  if (!context.json) report(context, reply);
  try {
    if (path === STANDARD_OUTPUT) {
      for await (const chunk of unpacked(data, compressed, options)) writeBytes(1, chunk);
    } else {
      await writeDownload(path, data, compressed, { ...options, mode: DUMP_MODE });
    }
    progress?.finish();
  } catch (error) {
    progress?.finish();
    if (error instanceof RefusedError) {
      return report(context, { header, payload: { kind: "failure", text: error.text } });
    }
    return reportDownloadError(context, error);
  }
  if (context.json) report(context, reply, { file: path });
  else if (path !== STANDARD_OUTPUT) context.log.reply(fromText(`dumped to ${path}`));
  return 0;
}

/** Reports that a download is broken or could not be stored, and gives the exit status. @throws whatever else `error` is */
export function reportDownloadError(context: Context, error: unknown): number {
  if (error instanceof ProtocolError) return reportLocal(context, error.message, error.code, error.exitStatus);
  if (error instanceof DownloadError) return reportLocal(context, error.message, "file", EXIT_USAGE);
  throw error;
}
