/**
 * One end of a stream connection, whatever runtime's socket it stands on: queueing, orderly end, back-pressure.
 *
 * @module
 */
import { SendQueue } from "./send-queue.ts";

/** One end of a connection. Every method may be called at any time; after the close they do nothing. */
export interface Connection {
  /**
   * Sends `bytes`; what the system does not take at once is copied and queued, so the caller may reuse the memory.
   *
   * @returns false once more than the high-water mark is queued, or if the connection is ending or closed. The bytes
   *   are queued all the same while it is open: a caller that goes on regardless bounds {@link pending} itself
   */
  send(bytes: Uint8Array): boolean;
  /** Bytes queued by {@link send} and not yet taken by the system. */
  readonly pending: number;
  /** Resolves once nothing is queued; rejects with `ConnectionClosedError` if the connection closes before. */
  drained(): Promise<void>;
  /** Sends what is queued (within {@link END_LINGER_MS}), then closes. Incoming data is no longer delivered. */
  end(): void;
  /** Closes at once and drops what is queued. */
  destroy(): void;
  /** Stops reading: the peer is held back by the system. While paused, the peer's close is not noticed. */
  pause(): void;
  resume(): void;
}

/**
 * What happens on a connection. A handler that throws closes its connection, with the exception as the reason.
 */
export interface ConnectionHandlers {
  /** Received bytes. They belong to the handler: they may be kept and are never overwritten. */
  data(chunk: Uint8Array): void;
  /** The peer sends nothing more; we may still send. Without this handler the connection is ended then. */
  end?(): void;
  /** The connection is gone: exactly once, never from within one of its methods, and last of all. */
  close(error: Error | undefined): void;
  /** The queue is empty again after {@link Connection.send} returned false. */
  drain?(): void;
}

export interface SocketOptions {
  /** Queued bytes above which {@link Connection.send} returns false; {@link HIGH_WATER_MARK} unless given. */
  readonly highWaterMark?: number;
  /** How long {@link Connection.end} waits for the peer, milliseconds; {@link END_LINGER_MS} unless given. */
  readonly endLingerMs?: number;
  /** Told of exceptions thrown by `accept` or by a `close` handler; the default is a warning of the process. */
  readonly failed?: (error: Error) => void;
}

/** Default of {@link SocketOptions.highWaterMark}: bytes. */
export const HIGH_WATER_MARK = 256 * 1024;

/** How long {@link Connection.end} waits for the peer to take what is queued: milliseconds. */
export const END_LINGER_MS = 30_000;

/** What a runtime's socket has to offer to {@link connectionOver}. */
export interface RawSocket {
  /** Bytes taken; negative if closed. */
  write(bytes: Uint8Array): number;
  /** Closes after what `write` took has been sent. */
  end(): void;
  terminate(): void;
  pause(): void;
  resume(): void;
}

/** What a runtime's socket has to report. */
export interface SocketEvents {
  readonly connection: Connection;
  data(chunk: Uint8Array): void;
  end(): void;
  writable(): void;
  /** A failure: the connection will be closed by it. */
  error(error: Error): void;
  close(error: Error | undefined): void;
}

/** Puts queueing, orderly end and the rules of {@link ConnectionHandlers} on a runtime's socket. */
export function connectionOver(
  raw: RawSocket,
  accept: (connection: Connection) => ConnectionHandlers,
  options: SocketOptions,
): SocketEvents {
  const highWaterMark = options.highWaterMark ?? HIGH_WATER_MARK;
  const queue = new SendQueue();
  const failed = options.failed ?? ((error: Error) => process.emitWarning(error));
  let handlers: ConnectionHandlers | undefined;
  let state: "open" | "ending" | "closed" = "open";
  let held = false; // `send` returned false
  let failure: Error | undefined;
  let linger: ReturnType<typeof setTimeout> | undefined;

  const write = (bytes: Uint8Array) => raw.write(bytes);
  /** Not from within `accept`: a runtime that reports the close at once would find nobody to report it to. */
  const leave = (close: () => void) => (handlers === undefined ? queueMicrotask(close) : close());
  const destroy = () => {
    if (state === "closed") return;
    state = "ending";
    leave(() => raw.terminate());
    queue.close(failure);
  };
  const guard = (call: () => void) => {
    try {
      call();
    } catch (error) {
      failure ??= asError(error);
      destroy();
    }
  };
  const connection: Connection = {
    send(bytes) {
      if (state !== "open") return false;
      const taken = queue.size > 0 ? 0 : Math.max(0, raw.write(bytes));
      if (taken < bytes.length) queue.push(taken === 0 ? bytes : bytes.subarray(taken));
      if (queue.size <= highWaterMark) return true;
      held = true;
      return false;
    },
    get pending() {
      return queue.size;
    },
    drained: () => queue.drained(),
    end() {
      if (state !== "open") return;
      state = "ending";
      if (queue.size === 0) {
        leave(() => raw.end());
      } else {
        raw.resume(); // or the peer's close would not be seen
        linger = setTimeout(destroy, options.endLingerMs ?? END_LINGER_MS);
      }
    },
    destroy,
    pause() {
      if (state === "open") raw.pause();
    },
    resume() {
      if (state === "open") raw.resume();
    },
  };
  const events: SocketEvents = {
    connection,
    data(chunk) {
      if (state === "open") guard(() => handlers?.data(chunk));
    },
    end() {
      if (state !== "open") return;
      if (handlers?.end === undefined) connection.end();
      else guard(() => handlers?.end?.());
    },
    writable() {
      if (state === "closed" || queue.size === 0) return;
      if (!queue.flush(write)) return;
      if (state === "ending") {
        raw.end();
      } else if (held) {
        held = false;
        guard(() => handlers?.drain?.());
      }
    },
    error(error) {
      failure ??= error;
    },
    close(error) {
      if (state === "closed") return;
      state = "closed";
      failure ??= error;
      clearTimeout(linger);
      queue.close(failure);
      // The runtime may report the close from within `end` or `terminate`.
      queueMicrotask(() => {
        try {
          handlers?.close(failure);
        } catch (thrown) {
          failed(asError(thrown));
        }
      });
    },
  };
  try {
    handlers = accept(connection);
  } catch (error) {
    failed(asError(error));
    destroy();
  }
  return events;
}

/** What was thrown, as an error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
