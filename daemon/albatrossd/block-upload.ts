/**
 * The content of a block device as it is received: plain or as a zlib stream, of any length up to the device's.
 *
 * @module
 */
import type { Inflate } from "node:zlib";
import type { Name } from "../../core/name.ts";
import { lateZlib } from "../../runtime/late-modules.ts";
import { collectEvery } from "../../runtime/memory.ts";
import { NewBlockFile } from "./new-block-file.ts";

/** Bytes that are written at once; twice as many are held in memory. */
export const STAGE_SIZE = 2 ** 20;

/** Bytes that leave the decompressor at once. */
const INFLATED_CHUNK = 256 * 1024;

/** Content that cannot be taken. `message` is for the client. */
export class BlockUploadError extends Error {
  override readonly name = "BlockUploadError";
}

/** Takes content, in order. After the promise of `write`, if there is one, the next bytes may be given. */
export interface BlockUpload {
  /** Why it cannot succeed any more; further bytes are ignored. */
  readonly failure: BlockUploadError | undefined;
  write(bytes: Uint8Array): Promise<void> | undefined;
  /** The content is complete: it becomes that of the device. @throws {BlockUploadError} all is as before then */
  finish(): Promise<void>;
  /** Gives up, leaving no trace; harmless after `finish`. */
  abort(): Promise<void>;
}

/** The place of an upload. */
export interface BlockTarget {
  readonly databaseDirectory: string;
  readonly name: Name;
  /** Bytes. */
  readonly size: number;
  /** Whether the device is there already. */
  readonly replace: boolean;
  /** What is said of content that is longer than the device. */
  readonly tooLong: string;
}

const failed = (cause: unknown) =>
  new BlockUploadError(`error writing to file descriptor: ${cause instanceof Error ? cause.message : String(cause)}`, {
    cause,
  });

/** Begins an upload. @throws {BlockUploadError} if no file can be made */
export async function receiveBlock(target: BlockTarget, compressed: boolean): Promise<BlockUpload> {
  let file: NewBlockFile;
  try {
    file = await NewBlockFile.create(target.databaseDirectory, target.size);
  } catch (cause) {
    throw new BlockUploadError(
      `error opening block device: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        cause,
      },
    );
  }
  const plain = new PlainUpload(target, file);
  return compressed ? new InflatingUpload(plain) : plain;
}

/** Gathers what comes, and writes it while the next is gathered. */
class PlainUpload implements BlockUpload {
  readonly #target: BlockTarget;
  readonly #file: NewBlockFile;
  #stage = new Uint8Array(STAGE_SIZE);
  #other = new Uint8Array(STAGE_SIZE);
  #filled = 0;
  /** Where the stage belongs in the file. */
  #position = 0;
  #writing: Promise<void> | undefined;
  readonly #received = collectEvery();
  #settled = false;
  failure: BlockUploadError | undefined;

  constructor(target: BlockTarget, file: NewBlockFile) {
    this.#target = target;
    this.#file = file;
  }

  write(bytes: Uint8Array): Promise<void> | undefined {
    if (this.failure !== undefined) return undefined;
    if (this.#position + this.#filled + bytes.length > this.#target.size) {
      this.failure = new BlockUploadError(this.#target.tooLong);
      return undefined;
    }
    this.#received(bytes.length);
    return this.#gather(bytes, 0);
  }

  #gather(bytes: Uint8Array, from: number): Promise<void> | undefined {
    for (let at = from; at < bytes.length; ) {
      const part = Math.min(bytes.length - at, STAGE_SIZE - this.#filled);
      this.#stage.set(bytes.subarray(at, at + part), this.#filled);
      this.#filled += part;
      at += part;
      if (this.#filled < STAGE_SIZE) return undefined;
      if (this.#writing !== undefined) {
        return this.#writing.then(() => {
          this.#flush();
          return this.#gather(bytes, at);
        });
      }
      this.#flush();
    }
    return undefined;
  }

  /** Writes the stage; what is gathered meanwhile goes into the other one. Nothing must be being written. */
  #flush(): void {
    const bytes = this.#stage.subarray(0, this.#filled);
    const position = this.#position;
    [this.#stage, this.#other] = [this.#other, this.#stage];
    this.#position += this.#filled;
    this.#filled = 0;
    this.#writing = this.#file
      .write(bytes, position)
      .catch((cause: unknown) => {
        this.failure ??= failed(cause);
      })
      .finally(() => {
        this.#writing = undefined;
      });
  }

  async finish(): Promise<void> {
    await this.#writing;
    if (this.#filled > 0 && this.failure === undefined) this.#flush();
    await this.#writing;
    if (this.failure !== undefined) {
      await this.abort();
      throw this.failure;
    }
    this.#settled = true;
    try {
      await this.#file.commit(this.#target.name, this.#target.replace);
    } catch (cause) {
      throw failed(cause);
    }
  }

  async abort(): Promise<void> {
    if (this.#settled) return;
    this.#settled = true;
    this.failure ??= new BlockUploadError("the upload was given up");
    await this.#writing;
    await this.#file.abort();
  }
}

/** Uncompresses on the way to another upload, which bounds what a few bytes can become. */
class InflatingUpload implements BlockUpload {
  readonly #inflate: Inflate = lateZlib().createInflate({ chunkSize: INFLATED_CHUNK });
  readonly #target: BlockUpload;
  readonly #pumped: Promise<void>;
  /** Nothing is taken from the decompressor any more. */
  #over = false;
  #wake: (() => void) | undefined;
  #given = 0;
  failure: BlockUploadError | undefined;

  constructor(target: BlockUpload) {
    this.#target = target;
    this.#inflate.on("drain", () => this.#wake?.());
    this.#pumped = this.#pump();
  }

  async #pump(): Promise<void> {
    try {
      for await (const chunk of this.#inflate) {
        await this.#target.write(chunk as Uint8Array);
        this.failure ??= this.#target.failure;
        if (this.failure !== undefined) break; // which destroys the decompressor
      }
    } catch (cause) {
      this.failure ??= failed(cause);
    }
    this.#over = true;
    this.#wake?.();
  }

  write(bytes: Uint8Array): Promise<void> | undefined {
    if (this.failure !== undefined) return undefined;
    this.#given += bytes.length;
    if (this.#over || this.#inflate.write(bytes)) return undefined;
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  async finish(): Promise<void> {
    if (this.failure === undefined) this.#inflate.end();
    await this.#pumped;
    if (this.failure === undefined && this.#inflate.bytesWritten < this.#given) {
      this.failure = failed(new Error("there are bytes after the end of the compressed data"));
    }
    if (this.failure !== undefined) {
      await this.#target.abort();
      throw this.failure;
    }
    await this.#target.finish();
  }

  async abort(): Promise<void> {
    this.failure ??= new BlockUploadError("the upload was given up");
    this.#inflate.destroy();
    await this.#pumped;
    await this.#target.abort();
  }
}
