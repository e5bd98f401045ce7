/**
 * Image inspection: what a Solo5 image needs to run, read from its notes (solo5-abi.md 1 to 4, daemon.md 16).
 *
 * Works on images in memory and on files (see `image-file.ts`), in milliseconds, reading a few kilobytes of them.
 *
 * @module
 */
import { openElf } from "./image-elf.ts";
import { ImageError } from "./image-error.ts";
import { type ImageDevice, readAbiNote, readManifestNote, type Solo5Target } from "./image-notes.ts";
import { bytesSource, type ImageSource } from "./image-source.ts";

export { ImageError } from "./image-error.ts";
export type { ImageDevice, Solo5Target } from "./image-notes.ts";
export type { ImageSource } from "./image-source.ts";

/** What an image says about itself. */
export interface ImageDescription {
  /** Which tender runs it. Only hvt and spt can be run on a host. */
  readonly target: Solo5Target;
  /** Version of the interface between tender and unikernel. */
  readonly abiVersion: number;
  /** In the order of the manifest. Names are unique in good images only. */
  readonly devices: readonly ImageDevice[];
  /** The instruction set, `e_machine` of the ELF header: 62 x86_64, 183 aarch64. */
  readonly machine: number;
}

function toSource(image: Uint8Array | ImageSource): ImageSource {
  return image instanceof Uint8Array ? bytesSource(image) : image;
}

/** Whether there is a tender for this target: the others boot by themselves or on other systems. */
export function isRunnable(target: Solo5Target): target is "hvt" | "spt" {
  return target === "hvt" || target === "spt";
}

/** The refusal of an image of another target, in the original's words. */
export function unsupportedTarget(target: Solo5Target): string {
  return `unsupported solo5 target ${target}`;
}

/**
 * Reads both notes of an (uncompressed) image.
 *
 * @throws {ImageError} in the original's words, for any malformation whatever
 */
export function inspectImage(image: Uint8Array | ImageSource): ImageDescription {
  const elf = openElf(toSource(image));
  const abi = readAbiNote(elf);
  try {
    return { ...abi, devices: readManifestNote(elf), machine: elf.machine };
  } catch (error) {
    // The original looks at the target before it looks at the manifest.
    if (error instanceof ImageError && !isRunnable(abi.target)) throw new ImageError(unsupportedTarget(abi.target));
    throw error;
  }
}

/**
 * Reads only the manifest, as the original's client does, which leaves everything else to the daemon.
 *
 * @throws {ImageError} in the original's words, for any malformation of the file or the manifest
 */
export function inspectManifest(image: Uint8Array | ImageSource): readonly ImageDevice[] {
  return readManifestNote(openElf(toSource(image)));
}
