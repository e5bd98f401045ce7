/**
 * Images in memory, for certificates.
 *
 * @module
 */
import { CERTIFICATE_BYTES_MAX } from "../pki/certificate.ts";
import type { ImageBytes } from "./connection.ts";
import { InputError } from "./errors.ts";

/**
 * An image in memory, to be put into a certificate.
 *
 * @throws {InputError} `certificate too big for TLS`
 */
export async function wholeImage({ length, chunks }: ImageBytes): Promise<Uint8Array> {
  if (length > CERTIFICATE_BYTES_MAX) throw new InputError("image", "certificate too big for TLS");
  const image = new Uint8Array(length);
  let at = 0;
  for await (const chunk of chunks) {
    if (at + chunk.length <= length) image.set(chunk, at);
    at += chunk.length;
  }
  if (at !== length) throw new InputError("image", "Cannot read the image: its size changed while it was read");
  return image;
}
