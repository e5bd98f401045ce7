/**
 * `albatross-client extract-dump`.
 *
 * @module
 */
import { ProtocolError } from "../../client/errors.ts";
import { fromText } from "../../core/byte-string.ts";
import type { Values } from "../command.ts";
import type { extractDump as definition } from "../commands/extract-dump.ts";
import type { Context } from "../context.ts";
import { DownloadError, downloadPath, writeDownload } from "../download.ts";
import { readDump } from "../dump.ts";
import { reportLocal } from "../exchange.ts";
import { jsonDumped, printDumped, reportDumpError } from "../report-dump.ts";
import { reportDownloadError } from "../report-image.ts";
import { EXIT_USAGE } from "../usage-error.ts";

/** Writes a stored image into a file. */
export async function extractDump(values: Values<typeof definition>, context: Context): Promise<number> {
  try {
    const { unikernels } = await readDump(values);
    const found = unikernels.find(({ name }) => name.text === values.name.text);
    if (found === undefined) return reportLocal(context, "unikernel not found", "dump", EXIT_USAGE);
    const path = downloadPath(context.environment, found.name, context.started);
    await writeDownload(path, found.image.chunks(), found.compressed);
    if (context.json) {
      context.object({ kind: "dump-image", file: path, ...jsonDumped(found) });
    } else {
      context.log.reply(fromText(`dumped image to ${path}`));
      context.log.reply(printDumped(found, true));
    }
    return 0;
  } catch (error) {
    if (error instanceof DownloadError || error instanceof ProtocolError) return reportDownloadError(context, error);
    return reportDumpError(context, error);
  }
}
