/**
 * Creates unikernels.
 *
 * @module
 */
import { ImageError, inspectManifest } from "../../backends/image.ts";
import { matchDevices } from "../../backends/image-match.ts";
import type { Name } from "../../core/name.ts";
import type { UnikernelArguments } from "../../core/unikernel.ts";
import { carriesImage, parseUnikernelType, TYPE_RULE, type UnikernelType } from "../../core/unikernel-type.ts";
import { InputError } from "../errors.ts";
import type { ImageFile } from "../image-file.ts";
import { successOf } from "../request.ts";
import { type DataSource, openImageInput } from "./input.ts";
import { asOne, type NameInput } from "./names.ts";
import { earlyLife, type Started, type WatchOptions } from "./started.ts";
import type { CallOptions, Transport } from "./transport.ts";
import { type UnikernelOptions, unikernelArguments } from "./unikernel-options.ts";

/**
 * What a unikernel is made from.
 *
 * @example
 * ```ts
 * import { type CreateOptions, connect } from "albatross";
 *
 * const options: CreateOptions = { image: "hello.hvt", memoryMb: 16, force: true };
 * const albatross = await connect({ tmpdir: "/run/albatross" });
 * await albatross.create("hello", options);
 * ```
 */
export interface CreateOptions extends UnikernelOptions, WatchOptions, CallOptions {
  /** Needed for all types but `bhyve`. */
  readonly image?: DataSource | undefined;
  /** Whether a unikernel of this name is replaced. @default {false} */
  readonly force?: boolean | undefined;
  /** `solo5`, `bhyve`, or the name of a backend. @default {"solo5"} */
  readonly type?: string | undefined;
  /** How much the image is compressed on the way: 0 to 9. By itself 0 on this host, else 9 where that pays. */
  readonly compressionLevel?: number | undefined;
}

const COMPRESSION_MAX = 9;

/** Checks everything that can be checked here, then creates the unikernel. */
export async function createUnikernel(
  transport: Transport,
  given: NameInput,
  options: CreateOptions,
): Promise<Started> {
  const name = asOne(given);
  const type = asType(options.type ?? "solo5");
  const settings = unikernelArguments(options);
  const wanted = compression(options.compressionLevel);
  const { image, signal, force = false } = options;
  if (carriesImage(type) && image === undefined)
    throw new InputError("image", `Cannot create ${name.text} without an image`);
  using file = image === undefined || !carriesImage(type) ? undefined : await openImageInput(image, signal);
  if (file !== undefined && type === "solo5") checkDevices(file, settings); // other images have no manifest
  return await startWith(transport, name, { ...settings, type }, file, force, { ...options, compressionLevel: wanted });
}

/** Sends a create command with an image that was checked. */
export async function startWith(
  transport: Transport,
  name: Name,
  settings: UnikernelArguments & { readonly type: UnikernelType },
  file: ImageFile | undefined,
  force: boolean,
  options: WatchOptions & CallOptions & { readonly compressionLevel?: number | undefined },
): Promise<Started> {
  const { signal, compressionLevel } = options;
  const level = file === undefined ? 0 : (compressionLevel ?? (await usualLevel(transport, file)));
  const since = Date.now();
  const { reply, present } = await transport.ask(
    name,
    {
      kind: force ? "unikernel-force-create" : "unikernel-create",
      config: { ...settings, compressed: level > 0, image: new Uint8Array(0) },
    },
    { image: file && { file, level }, signal },
  );
  successOf(reply);
  return { present, early: await earlyLife(transport, name, since, options) };
}

function asType(text: string): UnikernelType {
  const type = parseUnikernelType(text);
  if (type !== undefined) return type;
  throw new InputError("argument", `Cannot create a unikernel of the type ${text}: a type is ${TYPE_RULE}`);
}

/** @throws {InputError} `argument` */
export function compression(level: number | undefined): number | undefined {
  if (level === undefined || (Number.isInteger(level) && level >= 0 && level <= COMPRESSION_MAX)) return level;
  throw new InputError("argument", `Cannot compress with the level ${level}: it is 0 to ${COMPRESSION_MAX}`);
}

/** The compression of a way is left out where it does not pay. */
async function usualLevel({ level }: Transport, file: ImageFile): Promise<number> {
  return level > 0 && (await file.compressible()) ? level : 0;
}

/** Compares the manifest of an image with the given devices. @throws {InputError} `image` */
export function checkDevices(file: ImageFile, given: UnikernelArguments): void {
  try {
    const mismatch = matchDevices({ devices: inspectManifest(file) }, given);
    if (mismatch !== undefined) throw new InputError("image", mismatch);
  } catch (cause) {
    if (!(cause instanceof ImageError)) throw cause;
    throw new InputError("image", `Cannot use the image: ${cause.message}`, { cause });
  }
}
