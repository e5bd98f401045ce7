/**
 * Looks into images.
 *
 * @module
 */
import { toDisplay } from "../../core/byte-string.ts";
import { InputError } from "../errors.ts";
import type { DataSource } from "./input.ts";
import type { CallOptions } from "./transport.ts";

/** What an image is and needs. */
export interface ImageDescription {
  /** What it was built for, e.g. `hvt` or `spt`. */
  readonly target: string;
  /** Of its tender. */
  readonly abiVersion: number;
  /** The CPU, e.g. `x86_64`. */
  readonly architecture: string;
  /** The devices that {@link Albatross.create} must give it. */
  readonly devices: readonly { readonly type: "network" | "block"; readonly name: string }[];
  /** SHA-256 in hex, as {@link Unikernel.digest}. */
  readonly digest: string;
  /** Its size. */
  readonly bytes: number;
}

/**
 * Finds out what an image is and needs. No daemon is asked.
 *
 * @param image bytes, a file or a stream
 * @param options a signal to give up by
 * @returns the description
 * @throws {InputError} `image` if it is none, or cannot be read
 * @throws {AbortedError} after the signal
 *
 * @example
 * ```ts
 * import { connect, type ImageDescription, inspectImage } from "albatross";
 *
 * const { devices, digest }: ImageDescription = await inspectImage("hello.hvt");
 * console.log(devices.length); // 0
 * const albatross = await connect({ tmpdir: "/run/albatross" });
 * const deployed = (await albatross.info()).some((unikernel) => unikernel.digest === digest);
 * console.log(deployed); // false
 * ```
 */
export async function inspectImage(image: DataSource, options: CallOptions = {}): Promise<ImageDescription> {
  const [{ openImageInput }, { reportImage }, { ImageError }] = await Promise.all([
    import("./input.ts"),
    import("../../backends/image-report.ts"),
    import("../../backends/image-error.ts"),
  ]);
  using file = await openImageInput(image, options.signal);
  try {
    const { target, abiVersion, architecture, devices, digest, size } = reportImage(file, "");
    const named = devices.map(({ type, name }) => ({ type, name: toDisplay(name) }));
    return { target, abiVersion, architecture, devices: named, digest, bytes: size };
  } catch (cause) {
    if (!(cause instanceof ImageError)) throw cause;
    throw new InputError("image", `Cannot inspect the image: ${cause.message}`, { cause });
  }
}
