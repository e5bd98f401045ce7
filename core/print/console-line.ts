/**
 * Console lines, made harmless for terminals (client.md 9).
 *
 * @module
 */

const named: Readonly<Record<number, string>> = {
  8: "\\b",
  9: "\\t",
  10: "\\n",
  13: "\\r",
  34: '\\"',
  92: "\\\\",
};

const escapes: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const short = named[byte];
  if (short !== undefined) return short;
  return byte >= 32 && byte < 127 ? String.fromCharCode(byte) : `\\${byte.toString().padStart(3, "0")}`;
});

/** The line in printable ASCII: every other byte as backslash and three decimal digits, or a one-letter escape. */
export function escapeLine(line: Uint8Array): string {
  let text = "";
  for (let at = 0; at < line.length; at++) text += escapes[line[at] ?? 0] ?? "";
  return text;
}
