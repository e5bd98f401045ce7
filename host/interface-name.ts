/**
 * Names of network interfaces.
 *
 * @module
 */
import type { ByteString } from "../core/byte-string.ts";

/** The longest name of an interface, bytes (`IFNAMSIZ` less the terminating zero). */
export const INTERFACE_NAME_LIMIT = 15;

/**
 * Whether a name can be that of an interface: 1 to {@link INTERFACE_NAME_LIMIT} bytes, none of them `/`, `:`, zero or
 * white space, and neither `.` nor `..`, as the kernel demands. A leading `-` is refused as well: programs would take
 * such a name for an option.
 */
export function isInterfaceName(name: ByteString): boolean {
  if (name.length === 0 || name.length > INTERFACE_NAME_LIMIT) return false;
  if (name === "." || name === ".." || name.startsWith("-")) return false;
  for (let at = 0; at < name.length; at++) {
    const byte = name.charCodeAt(at);
    // The kernel takes white space as Latin-1 does, so a no-break space (0xa0) counts.
    if (byte === 0 || byte === 0x20 || (byte >= 0x09 && byte <= 0x0d) || byte === 0xa0) return false;
    if (byte === 0x2f || byte === 0x3a) return false;
  }
  return true;
}
