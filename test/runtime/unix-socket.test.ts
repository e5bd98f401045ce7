import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer, connect as netConnect, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Connection, connectUnix, HIGH_WATER_MARK, listenUnix } from "../../runtime/unix-socket.ts";

let folder = "";
let counter = 0;
const freshPath = () => join(folder, `s${counter++}`);

/** A directory for the suite that calls this: Deno runs no hook outside of one. */
function useFolder(): void {
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "albatross-socket-"));
  });
  after(() => rmSync(folder, { recursive: true }));
}

const onBun = typeof Bun !== "undefined";

async function until(condition: () => boolean, what: string): Promise<void> {
  const limit = Date.now() + 5000;
  while (!condition()) {
    if (Date.now() > limit) assert.fail(`waited too long: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function serve(path: string, each: (socket: Socket) => void): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer({ allowHalfOpen: true }, each);
    server.listen(path, () => resolve(server));
  });
}

describe("connecting to a socket", () => {
  useFolder();

  it("sends, receives, and tells of the end and the close", async () => {
    const path = freshPath();
    const server = await serve(path, (socket) => {
      socket.on("data", (chunk) => socket.write(chunk));
      socket.on("end", () => socket.destroy());
    });
    const events: string[] = [];
    let text = "";
    const connection = await connectUnix(path, () => ({
      data: (chunk) => {
        text += new TextDecoder().decode(chunk);
      },
      end: () => {
        events.push("end");
        connection.end();
      },
      close: (error) => void events.push(`close ${error}`),
    }));
    assert.equal(connection.send(new TextEncoder().encode("hello ")), true);
    await until(() => text === "hello ", "the echo");
    connection.send(new TextEncoder().encode("again"));
    await until(() => text === "hello again", "the second echo");
    connection.end();
    await until(() => events.length > 0, "the close");
    assert.deepEqual(events, ["close undefined"]);
    server.close();
  });

  it("still delivers what the peer sends after our peer half-closed first", async () => {
    const path = freshPath();
    const server = await serve(path, (socket) => {
      socket.end("last words");
      socket.on("data", (chunk) => received.push(chunk.toString()));
    });
    const received: string[] = [];
    const events: string[] = [];
    const connection = await connectUnix(path, () => ({
      data: (chunk) => void events.push(new TextDecoder().decode(chunk)),
      end: () => void events.push("end"),
      close: () => void events.push("close"),
    }));
    await until(() => events.includes("end"), "the end");
    connection.send(new TextEncoder().encode("answer"));
    await until(() => received.length > 0, "the answer");
    connection.end();
    await until(() => events.includes("close"), "the close");
    assert.deepEqual(events, ["last words", "end", "close"]);
    assert.deepEqual(received, ["answer"]);
    server.close();
  });

  it("rejects with the system's code", async () => {
    const handlers = () => ({ data: () => undefined, close: () => undefined });
    await assert.rejects(connectUnix(join(folder, "absent"), handlers), { name: "SocketError", code: "ENOENT" });
    await assert.rejects(connectUnix("", handlers), { name: "SocketError", code: "ENOENT" });
    const path = freshPath();
    const server = await serve(path, () => undefined);
    server.close();
    await assert.rejects(connectUnix(join(folder, "x".repeat(150)), handlers), { name: "SocketError" });
  });

  it("queues what the system does not take, calls drain, and delivers every byte in order", async () => {
    const path = freshPath();
    let peer: Socket | undefined;
    const server = await serve(path, (socket) => {
      peer = socket;
      socket.pause();
    });
    let drains = 0;
    const connection = await connectUnix(path, () => ({
      data: () => undefined,
      drain: () => void drains++,
      close: () => undefined,
    }));
    const block = new Uint8Array(64 * 1024);
    let sent = 0;
    let more = true;
    while (more) {
      block.fill(sent & 255); // the same memory again and again: `send` must have copied it
      more = connection.send(block);
      sent++;
      assert.ok(sent < 1000, "send never held back");
    }
    assert.ok(connection.pending > HIGH_WATER_MARK && connection.pending <= HIGH_WATER_MARK + block.length);
    await until(() => peer !== undefined, "the peer");
    const parts: Uint8Array[] = [];
    peer?.on("data", (chunk) => void parts.push(Buffer.from(chunk)));
    peer?.resume();
    await connection.drained();
    assert.equal(connection.pending, 0);
    await until(() => parts.reduce((sum, part) => sum + part.length, 0) === sent * block.length, "all bytes");
    const all = Buffer.concat(parts);
    for (let at = 0; at < sent; at++) {
      assert.ok(all.subarray(at * block.length, (at + 1) * block.length).every((byte) => byte === (at & 255)));
    }
    assert.equal(drains, 1);
    connection.destroy();
    peer?.destroy();
    server.close();
  });

  it("gives up an orderly end when the peer takes nothing for too long, and not before", async () => {
    const path = freshPath();
    const server = await serve(path, (socket) => void socket.pause());
    let closedAt = 0;
    const connection = await connectUnix(
      path,
      () => ({
        data: () => undefined,
        close() {
          closedAt = Date.now();
        },
      }),
      { endLingerMs: 200 },
    );
    while (connection.send(new Uint8Array(100_000)));
    const start = Date.now();
    connection.end();
    assert.equal(connection.send(new Uint8Array(1)), false, "sent after the end");
    assert.ok(connection.pending > 0);
    await until(() => closedAt > 0, "the close");
    assert.ok(closedAt - start >= 190, `${closedAt - start} ms`);
    server.close();
  });

  it("tries again while a backlog is full, and reports a socket nobody listens on", async () => {
    const path = freshPath();
    const script = `
import socket, sys, time
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(0)
print("ready", flush=True); time.sleep(0.02)
kept = [s.accept()[0] for _ in range(4)]
for c in kept: c.sendall(b"x")
time.sleep(0.3)`;
    const child = spawn("python3", ["-c", script, path], { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise<void>((resolve) => child.stdout.once("data", () => resolve()));
    const exit = new Promise((resolve) => child.once("exit", resolve));
    let greeted = 0;
    const handlers = () => ({ data: () => void greeted++, close: () => undefined });
    const connections = await Promise.all(Array.from({ length: 4 }, () => connectUnix(path, handlers)));
    await until(() => greeted === 4, "all greetings");
    for (const connection of connections) connection.destroy();
    await exit;
    await assert.rejects(connectUnix(path, handlers), { name: "SocketError", code: "ECONNREFUSED" });
  });

  it("rejects those who wait for draining when the connection is destroyed", async () => {
    const path = freshPath();
    const server = await serve(path, (socket) => void socket.pause());
    let closes = 0;
    const connection = await connectUnix(path, () => ({ data: () => undefined, close: () => void closes++ }));
    while (connection.send(new Uint8Array(100_000)));
    const waiting = connection.drained();
    connection.destroy();
    connection.destroy();
    connection.end();
    await assert.rejects(waiting, { name: "ConnectionClosedError" });
    await until(() => closes > 0, "the close");
    assert.equal(connection.send(new Uint8Array(1)), false);
    await assert.rejects(connection.drained(), { name: "ConnectionClosedError" });
    connection.pause();
    connection.resume();
    assert.equal(closes, 1);
    server.close();
  });
});

describe("listening on a socket", { skip: !onBun && "only Bun listens" }, () => {
  useFolder();

  it("closes the connection with the reason when a handler throws, and reports a throwing accept", async () => {
    const path = freshPath();
    const closed: (Error | undefined)[] = [];
    const failures: string[] = [];
    let calls = 0;
    const listener = listenUnix(
      { path },
      () => {
        if (calls++ > 0) throw new Error("accept failed");
        return {
          data() {
            throw new Error("handler failed");
          },
          close: (error) => void closed.push(error),
        };
      },
      { failed: (error) => void failures.push(error.message) },
    );
    for (let round = 0; round < 2; round++) {
      await new Promise<void>((resolve) => {
        const client = netConnect(path);
        client.on("error", () => undefined);
        client.on("close", () => resolve());
        client.write("x");
      });
    }
    assert.equal(closed[0]?.message, "handler failed");
    assert.deepEqual(failures, ["accept failed"]);
    assert.equal(existsSync(path), true);
    listener.close();
    assert.equal(existsSync(path), false);
  });

  it("tells of the close of a connection that was refused as soon as it came", async () => {
    const path = freshPath();
    const closed: (Error | undefined)[] = [];
    const endings = ["destroy", "end"] as const;
    let calls = 0;
    const listener = listenUnix({ path }, (connection) => {
      connection[endings[calls++ % 2] ?? "end"]();
      return { data: () => undefined, close: (error) => void closed.push(error) };
    });
    for (let round = 1; round <= 4; round++) {
      const client = netConnect(path);
      client.on("error", () => undefined);
      await new Promise((resolve) => client.on("close", resolve));
      await until(() => closed.length === round, `close ${round}`);
    }
    listener.close();
    assert.deepEqual(closed, [undefined, undefined, undefined, undefined]);
  });

  it("refuses a path that exists, with the system's code", () => {
    const path = freshPath();
    const listener = listenUnix({ path }, () => ({ data: () => undefined, close: () => undefined }));
    assert.throws(() => listenUnix({ path }, () => ({ data: () => undefined, close: () => undefined })), {
      name: "SocketError",
      code: "EADDRINUSE",
    });
    listener.close();
  });

  it("holds the peer back while paused", async () => {
    const path = freshPath();
    let got = 0;
    let server: Connection | undefined;
    const listener = listenUnix({ path }, (connection) => {
      server = connection;
      connection.pause();
      return {
        data(chunk) {
          got += chunk.length;
        },
        close: () => undefined,
      };
    });
    const size = 8 << 20;
    let done = false;
    const client = netConnect(path);
    client.write(new Uint8Array(size), () => {
      done = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(got, 0);
    assert.equal(done, false);
    server?.resume();
    await until(() => got === size, "all data after resuming");
    client.destroy();
    listener.close();
  });

  it("replies to a peer that ended its side with the command, and flushes a large reply before closing", async () => {
    const path = freshPath();
    const size = 5_000_000;
    const listener = listenUnix({ path }, (connection) => ({
      data: () => undefined,
      end() {
        connection.send(new Uint8Array(size));
        connection.end();
      },
      close: () => undefined,
    }));
    let got = 0;
    await new Promise<void>((resolve, reject) => {
      const client = netConnect({ path, allowHalfOpen: true });
      client.on("data", (chunk) => {
        got += chunk.length;
      });
      client.on("end", () => client.end());
      client.on("close", () => resolve());
      client.on("error", reject);
      client.end("command");
    });
    assert.equal(got, size);
    listener.close();
  });

  it("leaks no descriptor over ten thousand connections", async () => {
    const path = freshPath();
    let closes = 0;
    const listener = listenUnix({ path }, (connection) => ({
      data(chunk) {
        connection.send(chunk);
        connection.end();
      },
      close: () => void closes++,
    }));
    const descriptors = () => readdirSync("/proc/self/fd").length;
    const before = descriptors();
    const total = 10_000;
    let started = 0;
    let replies = 0;
    const request = new Uint8Array(40);
    const one = () =>
      new Promise<void>((resolve, reject) => {
        connectUnix(path, (connection) => {
          connection.send(request);
          return {
            data(chunk) {
              replies += chunk.length;
            },
            close: (error) => (error === undefined ? resolve() : reject(error)),
          };
        }).catch(reject);
      });
    await Promise.all(
      Array.from({ length: 16 }, async () => {
        while (started++ < total) await one();
      }),
    );
    await until(() => closes === total, "every close");
    assert.equal(replies, total * request.length);
    assert.ok(descriptors() <= before + 1, `${descriptors()} descriptors, ${before} before`);
    listener.close();
  });
});
