/**
 * The version of this program, the same as in `package.json` (the project's check compares them).
 *
 * @module
 */

/** Semantic version. */
export const VERSION = "0.1.0";
