/**
 * The last output of one console on disk: two files, of which the older one is begun anew when the newer one is full.
 *
 * Output is written as it comes, one write at a time, and nothing waits for it: not the reading of the fifo, and no
 * subscriber. What the disk does not take in time is left out, with a line that says so. Only the end of the output is
 * synchronised, so that the last words of a unikernel survive even a loss of power.
 *
 * @module
 */
import { closeSync, constants, ftruncateSync, openSync, rmSync, writeSync } from "node:fs";
import { syncData, writeSome } from "../../host/file-data.ts";
import { KeptFile } from "./kept-file.ts";
import {
  encodeHead,
  encodePiece,
  endsWithinLine,
  findPieces,
  KEPT_HEAD,
  type KeptPiece,
  PIECE_MAX,
} from "./kept-records.ts";

/** Bytes of one console that wait for the disk; what comes beyond is left out. */
export const KEPT_BEHIND_MAX: number = 1024 * 1024;

/** After a write that failed the next one is tried so much later, milliseconds. */
export const KEPT_RETRY_MS = 1_000;

const encoder = new TextEncoder();

/** The line in place of what was left out. */
export function gapNotice(bytes: number): string {
  return `[albatross: ${bytes} bytes of output were not kept here: the disk is too slow, or full]`;
}

export interface KeptOutputOptions {
  /** The path of the files, without the `.0` and `.1` at their ends. */
  readonly path: string;
  /** Bytes of both files together. */
  readonly maxBytes: number;
  /** Writing began to fail. */
  readonly failed: (error: Error) => void;
}

export class KeptOutput {
  readonly #options: KeptOutputOptions;
  #newest: KeptFile;
  #older: KeptFile;
  #descriptor = -1;
  /** Records that wait, and those that are being written. */
  #pending: Uint8Array[] = [];
  #writing: Uint8Array[] = [];
  /** Bytes of both. */
  #behind = 0;
  #work: Promise<void> | undefined;
  #leftOut = 0;
  #failedAt: number | undefined;
  /** The time of the last output. */
  #time = 0;
  #withinLine = false;
  #syncDue = false;

  /** Takes up what is there. @throws the system's error if it cannot be read */
  constructor(options: KeptOutputOptions) {
    this.#options = options;
    const [a, b] = [new KeptFile(`${options.path}.0`), new KeptFile(`${options.path}.1`)];
    [this.#newest, this.#older] = a.generation >= b.generation ? [a, b] : [b, a];
  }

  /** Whether it has what came last; otherwise the disk did not take that. */
  get isUpToDate(): boolean {
    return this.#leftOut === 0;
  }

  /** Takes output, which is copied: `bytes` may be used again. Never waits and never throws. */
  append(time: number, bytes: Uint8Array): void {
    this.#time = time;
    // The clock may have been set back meanwhile.
    const resting = this.#failedAt !== undefined && Math.abs(time - this.#failedAt) < KEPT_RETRY_MS;
    if (resting || this.#behind + bytes.length > KEPT_BEHIND_MAX) {
      this.#leftOut += bytes.length;
      return;
    }
    this.#tellGap(time);
    for (let at = 0; at < bytes.length; at += PIECE_MAX)
      this.#put(encodePiece(time, bytes.subarray(at, at + PIECE_MAX)));
    this.#start();
  }

  /** The output has ended. */
  end(time: number): void {
    this.#time = time;
    this.#tellGap(time);
    this.#put(encodePiece(time, new Uint8Array(0)));
    this.#syncDue = true;
    this.#start();
  }

  /**
   * What is kept, oldest first, or the newest part of it.
   *
   * @param limit bytes of the part
   * @throws the system's error if a file cannot be read
   */
  pieces(limit: number): readonly KeptPiece[] {
    const found: KeptPiece[] = [];
    const left = limit - this.#behind;
    const whole = left >= this.#newest.end && this.#older.generation + 1 === this.#newest.generation;
    if (whole) this.#older.read(left - this.#newest.end, true, found);
    if (left > 0) this.#newest.read(left, !whole, found);
    for (const record of [...this.#writing, ...this.#pending]) findPieces(record, 0, false, found);
    return found;
  }

  /** Writes what waits, and closes. */
  async close(): Promise<void> {
    await this.#work;
    this.#closeFile();
  }

  /** Removes the files at once: what is being written goes nowhere, and a successor may have the same names. */
  async remove(): Promise<void> {
    this.#drop();
    for (const { path } of [this.#newest, this.#older]) rmSync(path, { force: true });
    await this.close();
  }

  #put(record: Uint8Array): void {
    this.#pending.push(record);
    this.#behind += record.length;
  }

  #drop(): void {
    for (const { length } of this.#pending.splice(0)) this.#behind -= length;
  }

  #tellGap(time: number): void {
    if (this.#leftOut === 0) return;
    // What is before it may have ended within a line.
    this.#put(encodePiece(time, encoder.encode(`\n${gapNotice(this.#leftOut)}\n`)));
    this.#leftOut = 0;
  }

  #start(): void {
    this.#work ??= this.#writeAll().finally(() => {
      this.#work = undefined;
    });
  }

  async #writeAll(): Promise<void> {
    while (this.#pending.length > 0) {
      this.#writing = this.#pending;
      this.#pending = [];
      const bytes = Buffer.concat(this.#writing);
      try {
        await this.#write(bytes);
        this.#failedAt = undefined;
      } catch (error) {
        this.#closeFile();
        if (this.#failedAt === undefined)
          this.#options.failed(error instanceof Error ? error : new Error(String(error)));
        this.#failedAt = this.#time;
        this.#leftOut += bytes.length + this.#pending.reduce((sum, { length }) => sum + length, 0);
        this.#drop();
      } finally {
        this.#writing = [];
        this.#behind -= bytes.length;
      }
    }
  }

  async #write(bytes: Uint8Array): Promise<void> {
    const { maxBytes } = this.#options;
    if (
      this.#newest.generation === 0 ||
      (this.#newest.end > KEPT_HEAD && this.#newest.end + bytes.length > maxBytes / 2)
    ) {
      this.#turn();
    }
    if (this.#descriptor < 0) this.#reopen();
    const to = this.#newest;
    for (let at = 0; at < bytes.length; ) {
      at += await writeSome(this.#descriptor, bytes, at, bytes.length, to.end + at);
    }
    to.end += bytes.length;
    this.#withinLine = endsWithinLine(this.#writing.at(-1) ?? bytes);
    if (!this.#syncDue || this.#pending.length > 0) return;
    this.#syncDue = false;
    await syncData(this.#descriptor);
    this.#closeFile(); // there are many consoles that have ended, and descriptors are few
  }

  /** Goes on in the newest file, or in another one if that was taken away. */
  #reopen(): void {
    const { path, end } = this.#newest;
    try {
      this.#descriptor = openSync(path, constants.O_WRONLY);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      return this.#turn();
    }
    // A write that failed may have left whole pieces there, which would be found behind those that come now.
    ftruncateSync(this.#descriptor, end);
  }

  /** Begins the older file anew, which thereby becomes the newest one. */
  #turn(): void {
    this.#closeFile();
    const { path } = this.#older;
    const generation = this.#newest.generation + 1;
    const descriptor = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, 0o640);
    try {
      writeSync(descriptor, encodeHead({ generation, withinLine: this.#withinLine }), 0, KEPT_HEAD, 0);
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
    this.#descriptor = descriptor;
    const begun = this.#older;
    begun.begin(generation, this.#withinLine);
    this.#older = this.#newest;
    this.#newest = begun;
  }

  #closeFile(): void {
    if (this.#descriptor >= 0) closeSync(this.#descriptor);
    this.#descriptor = -1;
  }
}
