/**
 * The image store: each image once, by its SHA-256, under `D/images`, never in memory.
 *
 * @module
 */
import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  write,
  writeSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { Inflate } from "node:zlib";
import type { ImageReference } from "../../core/engine/state.ts";
import { syncData } from "../../host/file-data.ts";
import { randomHex } from "../../host/random-hex.ts";
import { lateCrypto, lateZlib } from "../../runtime/late-modules.ts";
import { collectSoon } from "../../runtime/memory.ts";

/** The largest image, in bytes uncompressed. */
export const IMAGE_SIZE_MAX = 512 * 2 ** 20;

/** Bytes of the beginning of an upload that are kept: a digest. */
export const HEAD_SIZE = 32;

/** The beginning of what was received, after more of it. */
function extendHead(head: Uint8Array, chunk: Uint8Array): Uint8Array {
  if (head.length >= HEAD_SIZE) return head;
  return Uint8Array.of(...head, ...chunk.subarray(0, HEAD_SIZE - head.length));
}

/** Bytes received but not yet on disk from which the sender is asked to wait. */
export const UPLOAD_HIGH_WATER = 2 ** 20;

/** Images of up to so many bytes are written at once: a thread takes longer to be asked than to do it. */
export const WRITTEN_AT_ONCE_MAX = 256 * 1024;

function writeSome(descriptor: number, bytes: Uint8Array, at: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(descriptor, bytes, at, bytes.length - at, null, (error, written) => {
      if (error === null) resolve(written);
      else reject(error);
    });
  });
}

/** An image could not be received. `message` is for the client. */
export class ImageError extends Error {
  override readonly name = "ImageError";
}

/** An image being received. Call `finish` or `abort` once; `abort` is harmless after `finish`. */
export interface Upload {
  /** Why the upload cannot succeed any more; further bytes are ignored. */
  readonly failure: ImageError | undefined;
  /** The first {@link HEAD_SIZE} bytes as they were received. */
  readonly head: Uint8Array;
  /** Takes the next bytes, which must not change any more. @returns whether to pause the sender, see `drained` */
  write(chunk: Uint8Array): boolean;
  /** Resolves when the bytes taken so far are with the file system. */
  drained(): Promise<void>;
  /** The image is complete: gives its digest. It is kept until {@link StoredImage.release}. @throws {ImageError} */
  finish(): Promise<StoredImage>;
  abort(): Promise<void>;
}

/** An image in the store that is protected from collection until it is released. */
export interface StoredImage extends ImageReference {
  /** Resolves when image and directory entry are on the disk. */
  durable(): Promise<void>;
  release(): void;
}

/** Images by digest in one folder. */
export class ImageStore {
  readonly #folder: string;
  readonly #sizeMax: number;
  /** Images that are there, but not on the disk yet. */
  readonly #unsynced = new Map<string, Promise<void>>();
  /** How many operations need an image that the state may not mention yet. */
  readonly #pins = new Map<string, number>();

  /**
   * Opens the store, making its folder and removing unfinished uploads of an earlier run.
   *
   * @param sizeMax the largest image, in bytes uncompressed
   */
  constructor(databaseDirectory: string, sizeMax: number = IMAGE_SIZE_MAX) {
    this.#sizeMax = sizeMax;
    this.#folder = join(databaseDirectory, "images");
    mkdirSync(this.#folder, { recursive: true, mode: 0o755 });
    for (const file of readdirSync(this.#folder)) if (file.startsWith(".upload-")) rmSync(join(this.#folder, file));
  }

  /** Where the image is, or will be. */
  pathOf(sha256: string): string {
    return join(this.#folder, sha256);
  }

  /** Whether the image is there, completely. */
  has(image: ImageReference): boolean {
    return statSync(this.pathOf(image.sha256), { throwIfNoEntry: false })?.size === image.size;
  }

  /** Protects the image of this digest (lower-case hex) from collection, if it is there and on the disk. */
  pinByDigest(sha256: string): StoredImage | undefined {
    const size = statSync(this.pathOf(sha256), { throwIfNoEntry: false })?.size;
    return size === undefined ? undefined : this.pin({ sha256, size });
  }

  /** Protects an image that is there from collection. */
  pin(image: ImageReference): StoredImage {
    this.#pins.set(image.sha256, (this.#pins.get(image.sha256) ?? 0) + 1);
    let released = false;
    return {
      sha256: image.sha256,
      size: image.size,
      durable: async () => await this.#unsynced.get(image.sha256),
      release: () => {
        if (released) return;
        released = true;
        const left = (this.#pins.get(image.sha256) ?? 1) - 1;
        if (left === 0) this.#pins.delete(image.sha256);
        else this.#pins.set(image.sha256, left);
      },
    };
  }

  /** Removes every image that neither `used` nor a pin protects. */
  collect(used: ReadonlySet<string>): void {
    for (const file of readdirSync(this.#folder)) {
      if (!file.startsWith(".") && !used.has(file) && !this.#pins.has(file)) rmSync(this.pathOf(file), { force: true });
    }
  }

  /** Starts receiving an image, a zlib stream if `compressed`. */
  receive(compressed: boolean): Upload {
    const temporary = join(this.#folder, `.upload-${randomHex(9)}`);
    const upload = new FileUpload(temporary, this.#sizeMax, (sha256, size, descriptor) => {
      const pinned = this.pin({ sha256, size });
      try {
        if (this.has(pinned)) {
          rmSync(temporary, { force: true });
          closeSync(descriptor);
        } else {
          renameSync(temporary, this.pathOf(sha256));
          this.#sync(sha256, descriptor);
        }
        return pinned;
      } catch (error) {
        pinned.release();
        throw error;
      }
    });
    return compressed ? new InflatingUpload(upload) : upload;
  }

  /** Begins to put an image on the disk, while its unikernel is already being prepared. */
  #sync(sha256: string, descriptor: number): void {
    const durable = syncData(descriptor)
      .finally(() => closeSync(descriptor))
      .then(() => this.#syncFolder());
    this.#unsynced.set(sha256, durable);
    const done = () => {
      if (this.#unsynced.get(sha256) === durable) this.#unsynced.delete(sha256);
    };
    // Whoever acknowledges the image awaits it and sees a failure, after which the file cannot be trusted.
    durable.then(done, () => {
      done();
      try {
        rmSync(this.pathOf(sha256), { force: true });
      } catch {
        // the file system takes nothing any more; whoever awaits the image is told so
      }
    });
  }

  async #syncFolder(): Promise<void> {
    const folder = await open(this.#folder, constants.O_RDONLY);
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}

/** Takes over the descriptor, unless it throws. */
type Completion = (sha256: string, size: number, descriptor: number) => StoredImage;

/** Writes what it is given to a file, in order, hashing on the way. */
class FileUpload implements Upload {
  readonly #path: string;
  readonly #sizeMax: number;
  readonly #complete: Completion;
  readonly #hash = lateCrypto().createHash("sha256");
  #descriptor: number | undefined;
  #tail: Promise<void> | undefined;
  #pending = 0;
  #size = 0;
  #failure: ImageError | undefined;
  #settled = false;

  head: Uint8Array = new Uint8Array();

  get failure(): ImageError | undefined {
    return this.#failure;
  }

  constructor(path: string, sizeMax: number, complete: Completion) {
    this.#path = path;
    this.#sizeMax = sizeMax;
    this.#complete = complete;
    try {
      this.#descriptor = openSync(path, "wx", 0o644);
    } catch (cause) {
      this.#fail(cause);
    }
  }

  #fail(cause: unknown): void {
    const reason = cause instanceof Error ? cause.message : String(cause);
    this.#failure ??= new ImageError(`cannot write the image to ${this.#path}: ${reason}`, { cause });
  }

  write(chunk: Uint8Array): boolean {
    this.head = extendHead(this.head, chunk);
    this.#size += chunk.length;
    if (this.#size > this.#sizeMax) this.#failure ??= new ImageError(`image exceeds ${this.#sizeMax} bytes`);
    const descriptor = this.#descriptor;
    if (this.#failure !== undefined || descriptor === undefined) return false;
    this.#hash.update(chunk);
    if (this.#tail === undefined && this.#size <= WRITTEN_AT_ONCE_MAX) {
      try {
        for (let at = 0; at < chunk.length; ) at += writeSync(descriptor, chunk, at);
      } catch (cause) {
        this.#fail(cause);
      }
      return false;
    }
    this.#pending += chunk.length;
    this.#tail = (this.#tail ?? Promise.resolve()).then(async () => {
      try {
        for (let at = 0; at < chunk.length; ) at += await writeSome(descriptor, chunk, at);
      } catch (cause) {
        this.#fail(cause);
      }
      this.#pending -= chunk.length;
    });
    return this.#pending > UPLOAD_HIGH_WATER;
  }

  async drained(): Promise<void> {
    await this.#tail;
  }

  async finish(): Promise<StoredImage> {
    await this.#tail;
    try {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#descriptor === undefined || this.#settled) throw new ImageError("the upload was given up");
      const image = this.#complete(this.#hash.digest("hex"), this.#size, this.#descriptor);
      this.#settled = true;
      if (this.#size > WRITTEN_AT_ONCE_MAX) collectSoon();
      return image;
    } catch (cause) {
      await this.abort();
      if (cause instanceof ImageError) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new ImageError(`cannot store the image in ${this.#path}: ${reason}`, { cause });
    }
  }

  async abort(): Promise<void> {
    if (this.#settled) return;
    this.#settled = true;
    this.#failure ??= new ImageError("the upload was given up");
    await this.#tail;
    if (this.#descriptor !== undefined) {
      closeSync(this.#descriptor);
      rmSync(this.#path, { force: true });
    }
  }
}

/** Uncompresses on the way to another upload. */
class InflatingUpload implements Upload {
  readonly #inflate: Inflate = lateZlib().createInflate();
  readonly #target: Upload;
  readonly #ended: Promise<void>;
  #failure: ImageError | undefined;

  head: Uint8Array = new Uint8Array();

  get failure(): ImageError | undefined {
    return this.#failure;
  }

  constructor(target: Upload) {
    this.#target = target;
    this.#ended = new Promise((resolve) => {
      this.#inflate.on("data", (chunk: Uint8Array) => {
        const full = target.write(chunk);
        if (target.failure !== undefined) {
          this.#failure ??= target.failure;
          this.#inflate.destroy(); // a few bytes could go on producing zeros for hours
          resolve();
        } else if (full) {
          this.#inflate.pause();
          void target.drained().then(() => this.#inflate.resume());
        }
      });
      this.#inflate.on("end", resolve);
      this.#inflate.on("close", resolve); // all there is when it was given up
      this.#inflate.on("error", (cause) => {
        this.#failure ??= new ImageError(`failed to uncompress: ${cause.message}`, { cause });
        resolve();
      });
    });
  }

  write(chunk: Uint8Array): boolean {
    this.head = extendHead(this.head, chunk);
    if (this.#failure !== undefined) return false;
    return !this.#inflate.write(chunk);
  }

  async drained(): Promise<void> {
    if (this.#failure !== undefined || !this.#inflate.writableNeedDrain) return;
    await new Promise<void>((resolve) => {
      this.#inflate.once("drain", resolve);
      void this.#ended.then(resolve);
    });
  }

  async finish(): Promise<StoredImage> {
    if (this.#failure === undefined) this.#inflate.end();
    await this.#ended;
    if (this.#failure !== undefined) {
      await this.#target.abort();
      throw this.#failure;
    }
    return await this.#target.finish();
  }

  async abort(): Promise<void> {
    this.#failure ??= new ImageError("the upload was given up");
    this.#inflate.destroy(); // harmless after its end
    await this.#target.abort();
  }
}
