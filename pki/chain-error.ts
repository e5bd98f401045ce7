/**
 * The one error of the interpretation of certificate chains.
 *
 * @module
 */

/** A chain that carries no command that may be carried out. `message` is the original's wording (pki.md 4 and 5). */
export class ChainError extends Error {
  override readonly name = "ChainError";
}
