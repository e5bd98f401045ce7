/**
 * Stored unikernels as they are printed, and failures to read them.
 *
 * @module
 */
import type { ByteString } from "../core/byte-string.ts";
import { jsonArguments } from "../core/print/json.ts";
import { CLIENT_STYLE } from "../core/print/style.ts";
import { printConfig } from "../core/print/unikernel.ts";
import type { Context } from "./context.ts";
import { DumpError, type DumpedUnikernel } from "./dump.ts";
import { reportLocal } from "./exchange.ts";
import type { JsonObject } from "./json.ts";
import { EXIT_USAGE } from "./usage-error.ts";

/** The configuration of a stored unikernel. `lead` is what stands on the line before it. */
export function printDumped(unikernel: DumpedUnikernel, verbose: boolean, lead = ""): ByteString {
  const { arguments: given, type, compressed, image } = unikernel;
  return printConfig({ ...given, type, compressed, image }, { ...CLIENT_STYLE, verbose }, lead);
}

/** A stored unikernel: `digest` is null where the image is stored within the file. */
export function jsonDumped({ name, type, arguments: given, compressed, image }: DumpedUnikernel): JsonObject {
  return {
    name: name.text,
    type,
    compressed,
    imageBytes: image.length,
    digest: image.sha256 ?? null,
    ...jsonArguments(given),
  };
}

/** Reports that a dump cannot be read. @throws whatever else `error` is */
export function reportDumpError(context: Context, error: unknown): number {
  if (!(error instanceof DumpError)) throw error;
  return reportLocal(context, error.message, "dump", EXIT_USAGE);
}
