/**
 * Integers as the original reads them: the syntax of OCaml literals.
 *
 * @module
 */
import { INT_MAX, INT_MIN, type Int, normalize } from "../../core/int.ts";
import { invalidValue } from "../value-error.ts";

const literal =
  /^([-+]?)(?:(0[xX])([0-9a-fA-F][0-9a-fA-F_]*)|(0[oO])([0-7][0-7_]*)|(0[bB])([01][01_]*)|(?:0[uU])?([0-9][0-9_]*))$/;

/**
 * Decimal, `0x`, `0o`, `0b` or `0u` with an optional sign; `_` may stand after the first digit.
 *
 * @throws {ValueError} for other texts, and for numbers that do not fit into 63 bits
 */
export function parseInteger(text: string): Int {
  const parts = literal.exec(text);
  if (parts === null) throw invalidValue(text, "an integer");
  const [, sign, , hexadecimal, , octal, , binary, decimal] = parts;
  const digits = (hexadecimal ?? octal ?? binary ?? decimal ?? "").replaceAll("_", "");
  const prefix = hexadecimal !== undefined ? "0x" : octal !== undefined ? "0o" : binary !== undefined ? "0b" : "";
  const size = BigInt(prefix + digits);
  const value = sign === "-" ? -size : size;
  if (value < INT_MIN || value > INT_MAX) throw invalidValue(text, `an integer between ${INT_MIN} and ${INT_MAX}`);
  return normalize(value);
}

/** A parser for integers from `least` to `most` (no limit if undefined); `expected` describes them. */
export function within(least: number, most: number | undefined, expected: string): (text: string) => Int {
  return (text) => {
    const value = parseInteger(text);
    if (value < least || (most !== undefined && value > most)) throw invalidValue(text, expected);
    return value;
  };
}
