/**
 * Sends much on a connection, no faster than the peer takes it.
 *
 * @module
 */
import type { Connection } from "../../runtime/unix-socket.ts";

/** Milliseconds after which a client that takes nothing more is given up. */
export const STALL_TIMEOUT_MS = 30_000;

/** The peer has gone, or was given up. */
export class PeerGoneError extends Error {
  override readonly name = "PeerGoneError";
}

/** The sending side of a connection. */
export interface Outgoing {
  /** Whether nothing can be sent any more. */
  readonly isOver: boolean;
  /** Sends a copy of `bytes`. @throws {PeerGoneError} */
  send(bytes: Uint8Array): Promise<void>;
}

/** Sends on `connection`, which is closed once its peer takes nothing for `stallTimeout` milliseconds. */
export function sendAll(connection: Connection, stallTimeout: number = STALL_TIMEOUT_MS): Outgoing {
  let over = false;
  return {
    get isOver() {
      return over;
    },
    async send(bytes) {
      if (over) throw new PeerGoneError("the client has gone");
      if (connection.send(bytes)) return;
      const timer = setTimeout(() => connection.destroy(), stallTimeout);
      try {
        await connection.drained();
      } catch (cause) {
        over = true;
        throw new PeerGoneError("the client has gone", { cause });
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
