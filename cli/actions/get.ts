/**
 * `albatross-client get`.
 *
 * @module
 */
import { fromText } from "../../core/byte-string.ts";
import type { Values } from "../command.ts";
import type { get as definition } from "../commands/get.ts";
import type { Context } from "../context.ts";
import { DownloadError, downloadPath, writeDownload } from "../download.ts";
import { ask, EXIT_COMMUNICATION, report, reportLocal } from "../exchange.ts";
import { compressionOf } from "../mode.ts";
import { EXIT_USAGE } from "../usage-error.ts";

/** Downloads an image into a new file. */
export async function get(values: Values<typeof definition>, context: Context): Promise<number> {
  const reply = await ask(values, context, values.name, { kind: "unikernel-get", level: compressionOf(values) });
  if (typeof reply === "number") return reply;
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
    if (!(error instanceof DownloadError)) throw error;
    return error.reason === "data"
      ? reportLocal(context, error.message, "protocol", EXIT_COMMUNICATION)
      : reportLocal(context, error.message, "file", EXIT_USAGE);
  }
  if (context.json) report(context, reply, { file: path });
  else context.log.reply(fromText(`dumped image to ${path}`));
  return 0;
}
