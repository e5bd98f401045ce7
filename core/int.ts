/**
 * The protocol's INTEGER: 63-bit signed (wire.md 3).
 *
 * Held as a number where that is exact and as a bigint beyond, always normalised, so that `===`, `<` and `>=` work on
 * any mixture. The "unlimited" value 4611686018427387903 really occurs.
 *
 * @module
 */

/**
 * A 63-bit signed integer: a safe integer as number, anything beyond as bigint.
 *
 * @example
 * ```ts
 * import { connect, type Int } from "albatross";
 *
 * const total = (values: readonly Int[]) => values.reduce((sum, value) => BigInt(sum) + BigInt(value), 0n);
 * const albatross = await connect({ tmpdir: "/run/albatross" });
 * console.log(total((await albatross.info()).map(({ memoryMb }) => memoryMb)));
 * ```
 */
export type Int = number | bigint;

/** The smallest {@link Int}: −2^62. */
export const INT_MIN = -(2n ** 62n);

/** The largest {@link Int}: 2^62 − 1, which policies use for "unlimited". */
export const INT_MAX = 2n ** 62n - 1n;

/** The normal form: a number if it is a safe integer. */
export function normalize(value: bigint): Int {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}

/** The exact sum. */
export function add(a: Int, b: Int): Int {
  if (typeof a === "number" && typeof b === "number") {
    const sum = a + b;
    if (Number.isSafeInteger(sum)) return sum;
  }
  return normalize(BigInt(a) + BigInt(b));
}

/** The exact difference. */
export function subtract(a: Int, b: Int): Int {
  if (typeof a === "number" && typeof b === "number") {
    const difference = a - b;
    if (Number.isSafeInteger(difference)) return difference;
  }
  return normalize(BigInt(a) - BigInt(b));
}

/** Ascending and without duplicates. */
export function sortedSet(values: Iterable<Int>): readonly Int[] {
  return [...new Set(values)].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}
