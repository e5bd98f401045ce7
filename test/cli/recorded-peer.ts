/** A daemon that says what the original's daemon was recorded to say. */
import { readFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";

export interface Frame {
  readonly conn: number;
  readonly dir: "c2s" | "s2c" | null;
  readonly event?: "connect" | "EOF";
  readonly length?: number;
  readonly hex?: string;
  readonly head_hex?: string;
  readonly sha256?: string;
  readonly pretty?: string;
  /** Whether it is a chunk of a stream, and no message. */
  readonly raw_chunk?: boolean;
  readonly header?: unknown;
}

export interface Transcript {
  readonly label: string;
  readonly command: string;
  readonly output: string;
  readonly frames: readonly Frame[];
}

export function readTranscript(name: string): Transcript {
  const path = join(import.meta.dirname, "../vectors/transcripts", `${name}.json`);
  return JSON.parse(readFileSync(path, "utf8")) as Transcript;
}

export interface RecordedPeer {
  /** What the client sent, without length words, a list for each connection. */
  readonly received: Uint8Array[][];
  close(): Promise<void>;
}

/**
 * Listens at `path`. Each connection gets the recorded frames of one recorded connection: those that follow a command
 * once that command is there. Where frames were too large to be recorded, `replace` gives them.
 */
export async function playTranscript(
  path: string,
  frames: readonly Frame[],
  replace: (frame: Frame) => Uint8Array = () => {
    throw new Error("This frame was not recorded");
  },
): Promise<RecordedPeer> {
  const connections = [...new Set(frames.map((frame) => frame.conn))].map((conn) =>
    frames.filter((frame) => frame.conn === conn),
  );
  const received: Uint8Array[][] = [];
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => socket.destroy());
    const script = (connections.shift() ?? []).filter((frame) => frame.event !== "connect");
    const mine: Uint8Array[] = [];
    received.push(mine);
    let buffer = Buffer.alloc(0);
    const advance = () => {
      for (let next = script[0]; next !== undefined; next = script[0]) {
        if (next.event === "EOF" && next.dir === "c2s" && script.length > 1) {
          script.shift(); // the client of the recording closed first; here the daemon may
        } else if (next.event === "EOF") {
          socket.end();
          return;
        } else if (next.dir === "s2c") {
          script.shift();
          const bytes = next.hex === undefined ? replace(next) : Buffer.from(next.hex, "hex");
          const length = Buffer.alloc(4);
          length.writeUInt32BE(bytes.length);
          socket.write(Buffer.concat([length, bytes]));
        } else if (next.raw_chunk === true && next.length !== 0) {
          // A compressor may cut its output otherwise: as many chunks as there are before the empty one.
          if (buffer.length < 4) return;
          const length = buffer.readUInt32BE();
          if (length === 0) {
            script.shift();
          } else {
            if (buffer.length < 4 + length) return;
            mine.push(Uint8Array.from(buffer.subarray(4, 4 + length)));
            buffer = buffer.subarray(4 + length);
          }
        } else {
          const length = buffer.length >= 4 ? buffer.readUInt32BE() : Number.POSITIVE_INFINITY;
          if (buffer.length < 4 + length) return;
          mine.push(Uint8Array.from(buffer.subarray(4, 4 + length)));
          buffer = buffer.subarray(4 + length);
          script.shift();
        }
      }
    };
    socket.on("data", (chunk: Buffer) => {
      buffer = Buffer.concat([buffer, chunk]);
      advance();
    });
    socket.on("end", () => socket.end());
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    received,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
