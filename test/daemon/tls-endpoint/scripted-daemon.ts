/**
 * A daemon that does what a test tells it to, on a socket of its own.
 *
 * @module
 */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { CHUNK_FRAME_LIMIT } from "../../../core/wire/framing.ts";
import type { Message, Payload } from "../../../core/wire/message.ts";
import { decodeMessage, encodeFrame } from "../../../core/wire/message-codec.ts";
import { FrameLine } from "../../../runtime/frame-line.ts";
import { type Listener, listenUnix } from "../../../runtime/unix-socket.ts";

/** What the script of one connection works with. */
export interface Part {
  readonly line: FrameLine;
  /** The next command. */
  command(): Promise<Message>;
  /** Answers with the command's header. */
  reply(to: Message, payload: Payload): Promise<boolean>;
}

export class ScriptedDaemon {
  readonly #listener: Listener;
  /** What is done with the next connections. */
  script: (part: Part) => Promise<void> = async () => undefined;
  readonly lines = new Set<FrameLine>();
  readonly failures: unknown[] = [];

  constructor(path: string) {
    mkdirSync(dirname(path), { recursive: true });
    this.#listener = listenUnix({ path }, (connection) => {
      const line = new FrameLine(connection, CHUNK_FRAME_LIMIT);
      this.lines.add(line);
      void line.gone.then(() => this.lines.delete(line));
      const part: Part = {
        line,
        async command() {
          const bytes = await line.whole();
          if (bytes === undefined) throw new Error("the peer has gone");
          return decodeMessage(bytes);
        },
        reply: ({ header }, payload) => line.write(encodeFrame({ header, payload })),
      };
      void this.script(part)
        .catch((error: unknown) => this.failures.push(error))
        .then(() => line.end());
      return line.handlers;
    });
  }

  close(): void {
    this.#listener.close();
    for (const line of this.lines) line.destroy();
  }
}
