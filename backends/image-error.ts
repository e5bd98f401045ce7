/**
 * The failure of an inspection.
 *
 * @module
 */

/** A file is no image that could be run. `message` is the original's wording (daemon.md 16), meant for the client. */
export class ImageError extends Error {
  override readonly name = "ImageError";
}

/** The original's text for everything that is wrong with the ELF file around the notes. */
export function elfError(): ImageError {
  return new ImageError("error during ELF parsing");
}

/** The original's text where a section is missing, or its note has another owner or type. */
export function noteMissing(): ImageError {
  return new ImageError("manifest not found");
}
