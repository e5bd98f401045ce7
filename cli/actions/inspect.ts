/**
 * `albatross-client inspect`.
 *
 * @module
 */
import { ImageError } from "../../backends/image.ts";
import { type ImageReport, reportImage, reportText } from "../../backends/image-report.ts";
import { openImage } from "../../client/image-file.ts";
import { fromText } from "../../core/byte-string.ts";
import type { Values } from "../command.ts";
import type { inspect as definition } from "../commands/inspect.ts";
import type { Context } from "../context.ts";
import { reportLocal } from "../exchange.ts";
import { type JsonObject, jsonBytes } from "../json.ts";
import { EXIT_USAGE } from "../usage-error.ts";

/** Shows what an image is and needs. */
export async function inspect(values: Values<typeof definition>, context: Context): Promise<number> {
  using file = openImage(values.image);
  let found: ImageReport;
  try {
    found = reportImage(file, values.image);
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    return reportLocal(context, `Cannot inspect ${values.image}: ${error.message}`, "image", EXIT_USAGE);
  }
  if (context.json) context.object(jsonReport(found));
  else context.log.reply(fromText(reportText(found).trimEnd()));
  return 0;
}

/** `devices`: `{"type": "block" or "network", "name"}`; `create`: the words of a command line, null if no host can run it. */
function jsonReport(found: ImageReport): JsonObject {
  return {
    kind: "image-report",
    path: found.path,
    target: found.target,
    abiVersion: found.abiVersion,
    architecture: found.architecture,
    devices: found.devices.map(({ type, name }) => ({ type, name: jsonBytes(name) })),
    digest: found.digest,
    bytes: found.size,
    create: found.create ?? null,
  };
}
