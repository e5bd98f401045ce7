/**
 * Levels of zlib compression, as clients ask for them.
 *
 * @module
 */
import type { Int } from "../int.ts";

/** The highest level. 0 is no compression. */
export const LEVEL_MAX = 9;

/** The level, if there is such a one. */
export function checkedLevel(level: Int): number | undefined {
  return typeof level === "number" && level >= 0 && level <= LEVEL_MAX ? level : undefined;
}
