/**
 * Conversations recorded with the original console daemon: ours answers with the same frames.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { parseName } from "../../../core/name.ts";
import { frame } from "../../../core/wire/framing.ts";
import { decodeMessage } from "../../../core/wire/message-codec.ts";
import { CommandServer } from "../../../daemon/common/command-server.ts";
import { createLog } from "../../../daemon/common/log.ts";
import { COMMAND_MAX, ConsoleHandlers } from "../../../daemon/console/console-handlers.ts";
import { ConsoleService } from "../../../daemon/console/console-service.ts";
import { type Connection, type Listener, listenUnix } from "../../../runtime/unix-socket.ts";
import { add, Client, sleep, until, Writer } from "./harness.ts";

interface Frame {
  readonly dir: "c2s" | "s2c" | null;
  readonly event?: string;
  readonly hex?: string;
}

function transcript(label: string): readonly Frame[] {
  const file = join(import.meta.dirname, `../../vectors/transcripts/${label}.json`);
  return (JSON.parse(readFileSync(file, "utf8")) as { frames: Frame[] }).frames;
}

const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/** The service in this process, with a clock of ours, so that times can be those of the recording. */
class Replay {
  readonly directory = mkdtempSync(join(tmpdir(), "albatross-replay-"));
  readonly #socket = join(this.directory, "console.sock");
  readonly #service: ConsoleService;
  readonly #listener: Listener;
  now = 0;

  constructor() {
    mkdirSync(join(this.directory, "fifo"));
    const log = createLog("replay", "quiet", process.stdout);
    const options = { tmpdir: this.directory, maxSubscribers: 5, maxLine: 512, log, now: () => this.now };
    this.#service = new ConsoleService(options);
    const serve = (connection: Connection) => new ConsoleHandlers(connection, this.#service, log);
    const server = new CommandServer({ serve, log, commandMax: COMMAND_MAX });
    this.#listener = listenUnix({ path: this.#socket }, (connection) => server.accept(connection));
  }

  makeFifo(name: string): string {
    const path = join(this.directory, "fifo", parseName(name).text);
    execFileSync("mkfifo", [path]);
    return path;
  }

  client(): Promise<Client> {
    return Client.connect(this.#socket);
  }

  /** Sends what the recorded client sent, and compares what comes back, one request after the other. */
  async run(frames: readonly Frame[]): Promise<void> {
    const client = await this.client();
    let seen = 0;
    for (const { dir, event, hex } of frames) {
      if (dir === "c2s" && hex !== undefined) {
        client.connection.send(frame(Buffer.from(hex, "hex")));
      } else if (dir === "s2c" && hex !== undefined) {
        await until(() => client.frames.length > seen, `frame ${seen}`);
        assert.equal(hexOf(client.frames[seen++] ?? new Uint8Array()), hex);
      } else if (dir === "s2c" && event === "EOF") {
        await until(() => client.ended || client.closed, "the end");
      } else if (dir === "c2s" && event === "EOF") {
        await sleep(20);
        assert.equal(client.frames.length, seen, "more frames than recorded");
        client.connection.end();
      }
    }
    await client.gone();
  }

  close(): void {
    this.#listener.close();
    this.#service.close();
    rmSync(this.directory, { recursive: true });
  }
}

describe("recorded conversations", () => {
  const replay = new Replay();
  after(() => replay.close());

  it("with albatrossd: adds", async () => {
    const other = new Replay();
    for (const name of [":hello", "foo:net1"]) other.makeFifo(name);
    const frames = transcript("albatrossd--console");
    // The recorded daemon held its connection until it was stopped; here the client closes it.
    await other.run(frames);
    other.close();
  });

  it("with clients: history by time and by count", async () => {
    const since = transcript("console-subscribe-since");
    const writer = new Writer(replay.makeFifo(":hello"));
    const albatrossd = await replay.client();
    assert.equal(await albatrossd.ask(":hello", add(2n ** 62n - 1n)), "empty");
    const watcher = await replay.client();
    watcher.command(":hello", { kind: "console-subscribe", from: { count: 0 } });
    for (const { dir, hex } of since) {
      if (dir !== "s2c" || hex === undefined) continue;
      const { payload } = decodeMessage(Buffer.from(hex, "hex"));
      if (payload.kind !== "data" || payload.data.kind !== "console") continue;
      replay.now = payload.data.timestamp;
      const before = watcher.lines.length;
      writer.write(payload.data.line);
      writer.write("\n");
      await until(() => watcher.lines.length > before, "the line to be read");
    }
    watcher.connection.end();
    assert.ok(watcher.lines.length > 3);
    await replay.run(since);
    await replay.run(transcript("console-subscribe-count"));
    writer.close();
    await sleep(50);
  });

  it("with clients: a unikernel that is not there, and the inactive consoles", async () => {
    await replay.run(transcript("console-waiting"));
    await replay.run(transcript("console-inactive"));
  });
});
