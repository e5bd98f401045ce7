/**
 * Integers as the original's command lines read them: the syntax of OCaml literals (client.md 3).
 *
 * @module
 */

const literal =
  /^([-+]?)(?:(0[xX])([0-9a-fA-F][0-9a-fA-F_]*)|(0[oO])([0-7][0-7_]*)|(0[bB])([01][01_]*)|(?:0[uU])?([0-9][0-9_]*))$/;

/**
 * Decimal, `0x`, `0o`, `0b` or `0u` with an optional sign; `_` may stand after the first digit.
 *
 * @returns the exact value, which may be beyond what the protocol carries; `undefined` for other texts
 */
export function parseIntegerLiteral(text: string): bigint | undefined {
  const parts = literal.exec(text);
  if (parts === null) return undefined;
  const [, sign, , hexadecimal, , octal, , binary, decimal] = parts;
  const digits = (hexadecimal ?? octal ?? binary ?? decimal ?? "").replaceAll("_", "");
  const prefix = hexadecimal !== undefined ? "0x" : octal !== undefined ? "0o" : binary !== undefined ? "0b" : "";
  const size = BigInt(prefix + digits);
  return sign === "-" ? -size : size;
}
