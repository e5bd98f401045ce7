/**
 * The one error of every decoder of the wire format.
 *
 * @module
 */

/**
 * Input that is not what the protocol allows. Where the original's wording is known (wire.md 2), `message` is exactly
 * that; nothing else is ever thrown by a decoder, whatever its input.
 */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
}
