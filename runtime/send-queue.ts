/**
 * Bytes that a socket did not take yet, and those who wait until it has.
 *
 * @module
 */

/** Waiting for a socket ended because the connection is closed. */
export class ConnectionClosedError extends Error {
  override readonly name = "ConnectionClosedError";
}

/**
 * A first-in, first-out queue of bytes. It has no bound of its own: whoever fills it looks at {@link SendQueue.size}.
 */
export class SendQueue {
  #chunks: Uint8Array[] = [];
  #size = 0;
  #waiting: { resolve(): void; reject(error: Error): void }[] = [];
  #closed: ConnectionClosedError | undefined;

  /** Queued bytes. */
  get size(): number {
    return this.#size;
  }

  /** Appends a copy of `bytes`, so that the caller may overwrite them at once. */
  push(bytes: Uint8Array): void {
    // Not `bytes.slice()`: that of a Buffer would be a view on the memory that the caller may reuse.
    this.#chunks.push(new Uint8Array(bytes));
    this.#size += bytes.length;
  }

  /**
   * Offers the queued bytes to `write`, which returns how many it took; stops at the first partial write.
   *
   * @returns whether the queue is empty now; those who waited for that are resolved
   */
  flush(write: (bytes: Uint8Array) => number): boolean {
    let done = 0;
    for (const chunk of this.#chunks) {
      const taken = Math.max(0, write(chunk)); // negative: the socket is closed, which it reports itself
      this.#size -= taken;
      if (taken < chunk.length) {
        this.#chunks[done] = chunk.subarray(taken);
        break;
      }
      done++;
    }
    this.#chunks.splice(0, done);
    if (this.#size > 0) return false;
    for (const waiter of this.#waiting.splice(0)) waiter.resolve();
    return true;
  }

  /**
   * Resolves once the queue is empty; rejects with {@link ConnectionClosedError} if that can no longer happen. A
   * rejection nobody waits for is not an unhandled one.
   */
  drained(): Promise<void> {
    if (this.#closed !== undefined) return quiet(Promise.reject(this.#closed));
    if (this.#size === 0) return Promise.resolve();
    return quiet(new Promise((resolve, reject) => this.#waiting.push({ resolve, reject })));
  }

  /** Drops everything and rejects those who wait. */
  close(cause: Error | undefined): void {
    this.#closed ??= new ConnectionClosedError("Cannot send: the connection is closed", { cause });
    this.#chunks = [];
    this.#size = 0;
    for (const waiter of this.#waiting.splice(0)) waiter.reject(this.#closed);
  }
}

function quiet(promise: Promise<void>): Promise<void> {
  promise.catch(() => undefined); // marks it as handled; whoever awaits it still gets the error
  return promise;
}
