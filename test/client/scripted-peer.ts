/** A peer whose answers a test decides, on a socket of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface ScriptedPeer {
  readonly path: string;
  readonly directory: string;
  close(): Promise<void>;
}

/** Listens in a fresh directory, or at `path`; `accept` gets every connection. */
export async function listenPeer(accept: (socket: Socket) => void, path?: string): Promise<ScriptedPeer> {
  const directory = mkdtempSync(join(tmpdir(), "albatross-peer-"));
  const at = path ?? join(directory, "socket");
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => socket.destroy());
    accept(socket);
  });
  await new Promise<void>((resolve) => server.listen(at, resolve));
  return {
    path: at,
    directory,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => {
          rmSync(directory, { recursive: true, force: true });
          resolve();
        });
      }),
  };
}

/** Calls `take` with the payload of every frame that comes. */
export function onFrames(socket: Socket, take: (payload: Uint8Array) => void): void {
  let buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    buffer = Buffer.concat([buffer, chunk]);
    while (buffer.length >= 4 && buffer.length >= 4 + buffer.readUInt32BE()) {
      const end = 4 + buffer.readUInt32BE();
      take(Uint8Array.from(buffer.subarray(4, end)));
      buffer = buffer.subarray(end);
    }
  });
}
