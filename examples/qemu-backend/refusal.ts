/**
 * What a client is told when something cannot be run.
 *
 * @module
 */

/** albatrossd knows it by its name. */
export class Refusal extends Error {
  override readonly name = "BackendRefusal";
}
