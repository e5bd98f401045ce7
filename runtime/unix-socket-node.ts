/**
 * Connecting to a stream socket in the file system by `node:net`, for Deno.
 *
 * @module
 */
import { connect } from "node:net";
import {
  type Connection,
  type ConnectionHandlers,
  connectionOver,
  type SocketEvents,
  type SocketOptions,
} from "./connection.ts";

/** Connects; rejects with the system's error. The contract is that of `connectUnix`. */
export function connectNode(
  path: string,
  open: (connection: Connection) => ConnectionHandlers,
  options: SocketOptions,
): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path, allowHalfOpen: true });
    let events: SocketEvents | undefined;
    socket.on("connect", () => {
      const raw = {
        // `node:net` queues whole writes by itself: one at a time is in flight, the others wait in our own queue.
        write(bytes: Uint8Array): number {
          if (socket.destroyed) return -1;
          if (socket.writableLength > 0) return 0;
          socket.write(bytes.slice(), (error) => {
            if (!error) events?.writable();
          });
          return bytes.length;
        },
        end: () => void socket.end(() => socket.destroySoon()),
        terminate: () => void socket.destroy(),
        pause: () => void socket.pause(),
        resume: () => void socket.resume(),
      };
      events = connectionOver(raw, open, options);
      resolve(events.connection);
    });
    socket.on("data", (chunk: Uint8Array) => events?.data(chunk));
    socket.on("end", () => events?.end());
    socket.on("error", (error) => (events === undefined ? reject(error) : events.error(error)));
    socket.on("close", () => events?.close(undefined));
  });
}
