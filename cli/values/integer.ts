/**
 * Integers on the command line.
 *
 * @module
 */

import { invalidValue } from "../../client/value-error.ts";
import { INT_MAX, INT_MIN, type Int, normalize } from "../../core/int.ts";
import { parseIntegerLiteral } from "../../core/integer-literal.ts";

/**
 * Any integer of the protocol, in the syntax of {@link parseIntegerLiteral}.
 *
 * @throws {ValueError} for other texts, and for numbers that do not fit into 63 bits
 */
export function parseInteger(text: string): Int {
  const value = parseIntegerLiteral(text);
  if (value === undefined) throw invalidValue(text, "an integer");
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
