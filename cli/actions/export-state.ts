/**
 * `albatross-client export-state`.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fromText } from "../../core/byte-string.ts";
import { databaseFile } from "../../core/paths.ts";
import type { Values } from "../command.ts";
import type { exportState as definition } from "../commands/export-state.ts";
import type { Context } from "../context.ts";
import { databaseDirectoryOf } from "../dump.ts";
import { reportLocal } from "../exchange.ts";
import { ExportError, writeState } from "../export-state.ts";
import { reportDumpError } from "../report-dump.ts";
import { EXIT_USAGE } from "../usage-error.ts";

/** Writes a state file of the original. */
export async function exportState(values: Values<typeof definition>, context: Context): Promise<number> {
  const folder = databaseDirectoryOf(values);
  const path = values.file.includes("/") ? values.file : join(folder, values.file);
  if (existsSync(path) && !values.force) {
    return reportLocal(context, `${path} exists already: replace it with --force`, "file", EXIT_USAGE);
  }
  try {
    const { unikernels, policies, leftOut } = await writeState(databaseFile(folder), path);
    for (const name of leftOut) {
      context.log.warning(fromText(`${name.toDisplay()} is left out: the original does not know its type`));
    }
    const names = leftOut.map((name) => name.text);
    if (context.json) context.object({ kind: "state", file: path, unikernels, policies, leftOut: names });
    else context.log.reply(fromText(`exported ${unikernels} unikernels and ${policies} policies to ${path}`));
    return 0;
  } catch (error) {
    if (error instanceof ExportError) return reportLocal(context, error.message, "file", EXIT_USAGE);
    return reportDumpError(context, error);
  }
}
