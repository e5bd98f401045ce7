/**
 * MAC addresses of unikernels (wire.md 16).
 *
 * @module
 */
import { type ByteString, toBytes } from "./byte-string.ts";
import type { Name } from "./name.ts";
import type { MacAddress } from "./unikernel.ts";

/** The bytes of an address. */
export const MAC_LENGTH = 6;

const form = /^[0-9a-f]{2}(?:([:.-])[0-9a-f]{2})(?:\1[0-9a-f]{2}){4}$/i;

/**
 * The address that `text` writes as six two-digit hex numbers with one separator (`:`, `-` or `.`) throughout;
 * `undefined` if it writes none.
 */
export function parseMac(text: string): MacAddress | undefined {
  return form.test(text) ? (text.toLowerCase().replaceAll(/[.-]/g, ":") as MacAddress) : undefined;
}

/** Made when it is first needed. */
let hexPairs: readonly string[] | undefined;

/**
 * The address of six bytes.
 *
 * @throws {RangeError} if there are not six
 */
export function formatMac(bytes: Uint8Array): MacAddress {
  if (bytes.length !== MAC_LENGTH) throw new RangeError(`Cannot make a MAC address of ${bytes.length} bytes: give 6`);
  hexPairs ??= Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
  let text = hexPairs[bytes[0] ?? 0] ?? "";
  for (let at = 1; at < MAC_LENGTH; at++) text += `:${hexPairs[bytes[at] ?? 0]}`;
  return text as MacAddress;
}

/** The value of a lower-case hex digit. */
function digit(code: number): number {
  return code < 0x3a ? code - 0x30 : code - 0x57;
}

/** The six bytes of an address. */
export function macBytes(mac: MacAddress): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(MAC_LENGTH);
  for (let at = 0; at < MAC_LENGTH; at++) {
    bytes[at] = 16 * digit(mac.charCodeAt(3 * at)) + digit(mac.charCodeAt(3 * at + 1));
  }
  return bytes;
}

/** The vendor part of derived addresses. */
const prefix = [0x00, 0x80, 0x41] as const;

/**
 * The address of a network device that was given none: the vendor part, then the first three bytes of the MD5 of the
 * device's name followed by the printed name of the unikernel.
 *
 * @param device the unikernel's name of the device, not the host's bridge
 * @param md5 the digest function: 16 bytes
 */
export function deriveMac(device: ByteString, name: Name, md5: (bytes: Uint8Array) => Uint8Array): MacAddress {
  const digest = md5(toBytes((device + name.text) as ByteString));
  return formatMac(Uint8Array.of(...prefix, ...digest.subarray(0, MAC_LENGTH - prefix.length)));
}
