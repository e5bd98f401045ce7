/**
 * Reading a fifo by Bun's stream over a non-blocking descriptor: for systems without inotify.
 *
 * @module
 */
import { closeSync } from "node:fs";
import type { FifoHandlers, FifoReader, OpenFifo } from "./fifo-reader.ts";

const readChunks = (fd: number) => Bun.file(fd).stream().getReader();

class StreamReader implements FifoReader {
  readonly #open: OpenFifo;
  readonly #handlers: FifoHandlers;
  readonly #reader: ReturnType<typeof readChunks>;
  #held: Promise<void> | undefined;
  #release: () => void = () => undefined;
  #closed = false;

  constructor(open: OpenFifo, handlers: FifoHandlers) {
    this.#open = open;
    this.#handlers = handlers;
    this.#reader = readChunks(open.fd);
    void this.#run();
  }

  async #run(): Promise<void> {
    let failure: Error | undefined;
    try {
      for (;;) {
        const { done, value } = await this.#reader.read();
        while (this.#held !== undefined && !this.#closed) await this.#held;
        if (done || this.#closed) break;
        this.#handlers.data(value);
      }
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
    }
    if (this.#closed) return;
    this.close();
    this.#handlers.end(failure);
  }

  sameFifo(other: FifoReader): boolean {
    return (
      other instanceof StreamReader &&
      other.#open.inode === this.#open.inode &&
      other.#open.device === this.#open.device
    );
  }

  hold(): void {
    if (this.#held !== undefined) return;
    this.#held = new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  release(): void {
    this.#held = undefined;
    this.#release();
  }

  /** The stream reads by itself; what it has not delivered by now comes later. */
  drain(): void {
    this.release();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.release();
    // The stream leaves the descriptor open, but must have let go of it before the number is used again.
    this.#reader.cancel().then(
      () => closeSync(this.#open.fd),
      () => closeSync(this.#open.fd),
    );
  }
}

/** Reads `open` by a stream and closes it at the end. */
export function streamFifo(open: OpenFifo, handlers: FifoHandlers): FifoReader {
  return new StreamReader(open, handlers);
}
