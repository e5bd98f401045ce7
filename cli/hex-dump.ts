/**
 * The hex dump of `--socket=-` (client.md 1).
 *
 * @module
 */

const BYTES_PER_LINE = 16;

/** Offset, bytes in groups of two, printable characters; complete lines. */
export function hexDump(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let offset = 0; offset < bytes.length; offset += BYTES_PER_LINE) {
    let digits = "";
    let characters = "";
    for (let at = 0; at < BYTES_PER_LINE; at++) {
      if (at > 0 && at % 2 === 0) digits += at === BYTES_PER_LINE / 2 ? "  " : " ";
      const byte = bytes[offset + at];
      digits += byte?.toString(16).padStart(2, "0") ?? "  ";
      if (byte !== undefined) characters += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".";
    }
    lines.push(`${offset.toString(16).padStart(6, "0")}  ${digits}  ${characters}\n`);
  }
  return lines.join("");
}
