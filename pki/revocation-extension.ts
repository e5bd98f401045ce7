/**
 * Our own extension that carries a revocation list to the endpoint, in a leaf without a command.
 *
 * `SEQUENCE { version INT (1), crl OCTET STRING, destroy BOOL }`. It is not critical, and the original's endpoint
 * refuses a leaf without a command, so nothing happens there (old-names.md 6).
 *
 * @module
 */
import type { Int } from "../core/int.ts";
import { DecodeError } from "../core/wire/decode-error.ts";
import { type Codec, sequence } from "../core/wire/der-codec.ts";
import { bool, int, octets } from "../core/wire/der-primitives.ts";
import { Reader } from "../core/wire/der-reader.ts";
import { Writer } from "../core/wire/der-writer.ts";

/** What the extension says. */
export interface RevocationOrder {
  /** The revocation list, DER. */
  readonly crl: Uint8Array;
  /** Whether what runs under a newly revoked delegation shall be destroyed. */
  readonly destroy: boolean;
}

/** The version of the extension's content. */
export const REVOCATION_VERSION = 1;

const codec: Codec<RevocationOrder & { readonly version: Int }> = sequence<RevocationOrder & { readonly version: Int }>(
  {
    version: int,
    crl: octets,
    destroy: bool,
  },
);

/** The extension's content. */
export function encodeRevocation(order: RevocationOrder): Uint8Array<ArrayBuffer> {
  const writer = new Writer(order.crl.length + 32);
  codec.write(writer, { version: REVOCATION_VERSION, crl: order.crl, destroy: order.destroy });
  return writer.finish();
}

/**
 * Reads the extension's content. The list is a view on `bytes`, and is not looked at.
 *
 * @throws {DecodeError}
 */
export function decodeRevocation(bytes: Uint8Array): RevocationOrder {
  const reader = new Reader(bytes);
  const { version, crl, destroy } = codec.read(reader);
  reader.finish();
  if (version !== REVOCATION_VERSION) throw new DecodeError(`unknown revocation version ${version}`);
  return { crl, destroy };
}
