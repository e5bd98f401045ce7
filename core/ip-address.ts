/**
 * Addresses of IPv4 and IPv6 as bytes: 4 or 16 of them.
 *
 * @module
 */

const ADDRESS_4 = 4;
const ADDRESS_16 = 16;
const GROUPS = 8;

/** The first 12 bytes of an IPv4 address that is written as one of IPv6. */
const mapped = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff);

/** Whether so many bytes are an address. */
export function isAddressLength(length: number): boolean {
  return length === ADDRESS_4 || length === ADDRESS_16;
}

function parseV4(text: string): readonly number[] | undefined {
  const parts = text.split(".");
  if (parts.length !== ADDRESS_4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256))
    return undefined;
  return parts.map(Number);
}

/** @param isLast whether the text is the end of the address, where it may be written as an IPv4 address */
function parseGroups(text: string, isLast: boolean): readonly number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const parts = text.split(":");
  for (const [at, part] of parts.entries()) {
    const v4 = isLast && at === parts.length - 1 ? parseV4(part) : undefined;
    if (v4 !== undefined) {
      bytes.push(...v4);
      continue;
    }
    if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined;
    const group = Number.parseInt(part, 16);
    bytes.push(group >> 8, group & 255);
  }
  return bytes;
}

/** The bytes of an address; an IPv4 address within IPv6 becomes its own four. A zone (`%eth0`) is left out. */
export function parseAddress(text: string): Uint8Array | undefined {
  const v4 = parseV4(text);
  if (v4 !== undefined) return Uint8Array.from(v4);
  const halves = text.replace(/%[\w.:-]+$/, "").split("::");
  const [head, tail] = halves.map((half, at) => parseGroups(half, at === halves.length - 1));
  if (halves.length > 2 || head === undefined) return undefined;
  if (halves.length === 1) return head.length === ADDRESS_16 ? unmapped(Uint8Array.from(head)) : undefined;
  if (tail === undefined || head.length + tail.length > ADDRESS_16 - 2) return undefined;
  const bytes = new Uint8Array(ADDRESS_16);
  bytes.set(head);
  bytes.set(tail, ADDRESS_16 - tail.length);
  return unmapped(bytes);
}

/** Whether a text is an address of IPv6. */
export function isIPv6(text: string): boolean {
  return text.includes(":") && parseAddress(text) !== undefined;
}

function unmapped(bytes: Uint8Array): Uint8Array {
  return mapped.every((byte, at) => bytes[at] === byte) ? bytes.slice(mapped.length) : bytes;
}

/** The usual notation (RFC 5952): lower case, the longest run of zeros as `::`. */
export function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === ADDRESS_4) return bytes.join(".");
  const groups = Array.from({ length: GROUPS }, (_, at) => ((bytes[2 * at] ?? 0) << 8) | (bytes[2 * at + 1] ?? 0));
  let best = { from: 0, length: 0 };
  for (let from = 0; from < GROUPS; from++) {
    let length = 0;
    while (groups[from + length] === 0) length++;
    if (length > best.length) best = { from, length };
  }
  const text = (some: readonly number[]) => some.map((group) => group.toString(16)).join(":");
  if (best.length < 2) return text(groups);
  return `${text(groups.slice(0, best.from))}::${text(groups.slice(best.from + best.length))}`;
}

/** An address with a port: `10.0.0.1:4711`, `[2001:db8::1]:4711`. */
export function formatEndpoint(bytes: Uint8Array, port: number): string {
  const address = formatAddress(bytes);
  return bytes.length === ADDRESS_4 ? `${address}:${port}` : `[${address}]:${port}`;
}
