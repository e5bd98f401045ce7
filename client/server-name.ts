/**
 * Whether a server's certificate is for the name it is called by.
 *
 * The original never asks. Its server certificates have nothing but a common name, so that counts where there are no
 * alternative names; where there are, only they do.
 *
 * @module
 */
import { fromBytes } from "../core/byte-string.ts";
import { Reader } from "../core/wire/der-reader.ts";
import type { Certificate } from "../pki/certificate.ts";
import { readElement, SEQUENCE } from "../pki/der.ts";

const SUBJECT_ALTERNATIVE_NAME = "2.5.29.17";

/** Implicitly tagged alternatives of a GeneralName. */
const DNS_NAME = 0x82;
const IP_ADDRESS = 0x87;

/**
 * Whether `name`, a host name or an IP address, is one of the names of a certificate. Letters may have any case; a
 * certificate may have `*` for the first label.
 *
 * @throws {DecodeError} if its alternative names cannot be read
 */
export function hasServerName(certificate: Certificate, name: string): boolean {
  const extension = certificate.extensions.get(SUBJECT_ALTERNATIVE_NAME);
  if (extension === undefined) return certificate.subjectCommonName?.toLowerCase() === name.toLowerCase();
  const address = addressBytes(name);
  const reader = new Reader(extension.value);
  const list = reader.enter(SEQUENCE);
  while (reader.more) {
    const identifier = reader.peek();
    if (identifier === DNS_NAME) {
      const pattern = fromBytes(reader.octets(DNS_NAME));
      if (address === undefined && matches(pattern, name)) return true;
    } else if (identifier === IP_ADDRESS) {
      if (sameBytes(reader.octets(IP_ADDRESS), address)) return true;
    } else {
      readElement(reader);
    }
  }
  reader.leave(list);
  reader.finish();
  return false;
}

function matches(pattern: string, name: string): boolean {
  const wanted = name.toLowerCase();
  const given = pattern.toLowerCase();
  if (!given.startsWith("*.")) return given === wanted;
  const dot = wanted.indexOf(".");
  // Not below a top-level domain: that would be everybody.
  return dot > 0 && wanted.slice(dot) === given.slice(1) && given.indexOf(".", 2) > 0;
}

function sameBytes(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return b !== undefined && a.length === b.length && a.every((byte, at) => byte === b[at]);
}

const ipv4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

/** The 4 or 16 bytes of an IP address; `undefined` for other text. */
export function addressBytes(text: string): Uint8Array | undefined {
  const digits = ipv4.exec(text);
  if (digits !== null) {
    const bytes = digits.slice(1).map(Number);
    return bytes.every((byte) => byte < 256) ? Uint8Array.from(bytes) : undefined;
  }
  return text.includes(":") ? ipv6Bytes(text) : undefined;
}

const IPV6_GROUPS = 8;

function ipv6Bytes(text: string): Uint8Array | undefined {
  // The last two groups may be written as an IPv4 address.
  const tail = /^(.*:)([^:]*\.[^:]*)$/.exec(text);
  const last = tail === null ? undefined : addressBytes(tail[2] ?? "");
  if (tail !== null && last === undefined) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = last ?? [];
  const whole = tail === null ? text : `${tail[1]}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  const halves = whole.split("::");
  if (halves.length > 2) return undefined;
  const [head = [], rest = []] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const missing = IPV6_GROUPS - head.length - rest.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...new Array<string>(missing).fill("0"), ...rest];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return Uint8Array.from(
    groups.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255]),
  );
}
