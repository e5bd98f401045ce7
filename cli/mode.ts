/**
 * The three ways of a command: to a local daemon, to a remote one, into a request (client.md 1).
 *
 * @module
 */
import { UsageError } from "./usage-error.ts";

/** The values that choose the way. */
export interface ModeValues {
  readonly csr: boolean;
  readonly socket: string | undefined;
  readonly destination?: unknown;
}

/** The way of a command. */
export type Mode = "local" | "remote" | "csr";

/**
 * The way that the options choose.
 *
 * @throws {UsageError} if they choose more than one
 */
export function modeOf(values: ModeValues): Mode {
  const remote = values.destination !== undefined;
  const chosen = [values.csr, remote, values.socket !== undefined].filter((each) => each);
  if (chosen.length > 1) {
    throw new UsageError("The options --csr, --destination, and --socket are mutually exclusive");
  }
  return values.csr ? "csr" : remote ? "remote" : "local";
}

/** Compression that pays on the way over a network, and in a request that is kept (client.md 5). */
const FAR_LEVEL = 9;

/** The compression level of a transfer: the given one, or the usual one for the way. */
export function compressionOf(values: ModeValues & { readonly compressionLevel: number | undefined }): number {
  return values.compressionLevel ?? (modeOf(values) === "local" ? 0 : FAR_LEVEL);
}
