/**
 * `albatross-client generate`.
 *
 * @module
 */
import { toDisplay } from "../../core/byte-string.ts";
import type { Values } from "../command.ts";
import type { generate as definition } from "../commands/generate.ts";
import type { Context } from "../context.ts";
import { reportLocal } from "../exchange.ts";
import { makeAuthority } from "../make-authority.ts";
import { isPkiError } from "../pki-files.ts";
import { EXIT_USAGE } from "../usage-error.ts";

/** Makes an authority and the certificate of an endpoint. */
export async function generate(values: Values<typeof definition>, context: Context): Promise<number> {
  try {
    const files = await makeAuthority({
      ...values,
      authority: toDisplay(values.authority),
      server: toDisplay(values.server),
    });
    if (context.json) context.object({ kind: "authority", ...files });
    return 0;
  } catch (error) {
    if (!isPkiError(error)) throw error;
    return reportLocal(context, `error while generating: ${error.message}`, "certificate", EXIT_USAGE);
  }
}
