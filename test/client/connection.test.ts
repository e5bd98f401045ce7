import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { afterEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ClientConnection, RECEIVE_HIGH_WATER } from "../../client/connection.ts";
import { AbortedError, ConnectError, ProtocolError, RefusedError } from "../../client/errors.ts";
import { commandMessage, request, successOf } from "../../client/request.ts";
import { fromText } from "../../core/byte-string.ts";
import { parseName } from "../../core/name.ts";
import type { UnikernelCommand } from "../../core/wire/message.ts";
import { decodeMessage, encodeFrame } from "../../core/wire/message-codec.ts";
import { listenPeer, onFrames, type ScriptedPeer } from "./scripted-peer.ts";

let peer: ScriptedPeer | undefined;

afterEach(async () => {
  await peer?.close();
  peer = undefined;
});

const name = parseName("hello");
const info = { kind: "unikernel-info" } as const;
const success = encodeFrame({
  header: { sequence: 0n, name },
  payload: { kind: "success", success: { kind: "string", text: fromText("done") } },
});
const failure = encodeFrame({
  header: { sequence: 0n, name },
  payload: { kind: "failure", text: fromText("no way") },
});

async function listen(accept: (socket: Socket) => void): Promise<string> {
  peer = await listenPeer(accept);
  return peer.path;
}

function consoleFrame(line: Uint8Array): Uint8Array {
  return encodeFrame({
    header: { sequence: 0n, name },
    payload: { kind: "data", data: { kind: "console", timestamp: 0, line } },
  });
}

const createCommand: UnikernelCommand = {
  kind: "unikernel-create",
  config: {
    type: "solo5",
    compressed: false,
    image: new Uint8Array(0),
    startup: undefined,
    addName: true,
    failBehaviour: { kind: "quit" },
    cpuIds: [0],
    memory: 32,
    blockDevices: [],
    networks: [],
    arguments: undefined,
    cpus: 1,
    linuxBootPartition: undefined,
  },
};

describe("a request", () => {
  it("gets the reply, though it comes byte by byte", async () => {
    const path = await listen((socket) =>
      onFrames(socket, async (payload) => {
        assert.deepEqual(decodeMessage(payload), commandMessage(name, info));
        for (const byte of success) {
          socket.write(Uint8Array.of(byte));
          await sleep(0);
        }
      }),
    );
    assert.deepEqual(successOf(await request(path, name, info)), { kind: "string", text: "done" });
  });

  it("gets a refusal with its text", async () => {
    const path = await listen((socket) => onFrames(socket, () => socket.end(failure)));
    const reply = await request(path, name, info);
    assert.throws(
      () => successOf(reply),
      (error) => error instanceof RefusedError && error.message === "no way" && error.code === "refused",
    );
  });

  it("fails if nobody is there", async () => {
    await assert.rejects(request("/nonexistent/vmmd.sock", name, info), (error) => {
      assert.ok(error instanceof ConnectError);
      assert.equal(error.systemCode, "ENOENT");
      assert.equal(error.address, "/nonexistent/vmmd.sock");
      return true;
    });
  });

  const broken: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ["nothing", new Uint8Array(0), /closed without a reply/],
    ["an end-of-stream marker", new Uint8Array(4), /closed without a reply/],
    ["half a length word", success.subarray(0, 2), /ended within a message/],
    ["half a message", success.subarray(0, 20), /ended within a message/],
    ["garbage", Uint8Array.of(0, 0, 0, 3, 1, 2, 3), /Cannot understand what .* sent/],
    ["a command", encodeFrame(commandMessage(name, info)), /a command message instead of a reply/],
    ["an enormous length", Uint8Array.of(0x7f, 0xff, 0xff, 0xff, 0), /Cannot understand what .* sent/],
  ];
  for (const [what, bytes, text] of broken) {
    it(`fails if the peer sends ${what} and closes`, async () => {
      const path = await listen((socket) => onFrames(socket, () => socket.end(bytes)));
      await assert.rejects(request(path, name, info), (error) => {
        assert.ok(error instanceof ProtocolError, String(error));
        assert.match(error.message, text);
        return true;
      });
    });
  }

  it("takes a reply of exactly the limit, and none of one byte more", async () => {
    const path = await listen((socket) => onFrames(socket, () => socket.end(success)));
    const length = success.length - 4;
    assert.equal((await request(path, name, info, { frameLimit: length })).payload.kind, "success");
    await assert.rejects(request(path, name, info, { frameLimit: length - 1 }), ProtocolError);
  });

  it("is given up by its signal, before and while it waits", async () => {
    const path = await listen(() => undefined);
    await assert.rejects(request(path, name, info, { signal: AbortSignal.abort("x") }), AbortedError);
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 20);
    await assert.rejects(request(path, name, info, { signal: controller.signal }), AbortedError);
  });
});

describe("a stream whose source has nothing to say", () => {
  const set = { kind: "block-set", compressed: false } as const;
  const silent = () => new ReadableStream<Uint8Array>({ pull: () => new Promise(() => undefined) });

  it("is left for a refusal", { timeout: 10_000 }, async () => {
    const path = await listen((socket) => onFrames(socket, () => socket.write(failure)));
    const reply = await request(path, name, set, { stream: silent() });
    assert.equal(reply.payload.kind, "failure");
  });

  it("is left if the daemon goes away, or the signal comes", { timeout: 10_000 }, async () => {
    const path = await listen((socket) => onFrames(socket, () => socket.destroy()));
    await assert.rejects(request(path, name, set, { stream: silent() }), /closed without a reply/);
    await peer?.close();
    const stopped = await listen(() => undefined);
    const signal = AbortSignal.timeout(50);
    await assert.rejects(request(stopped, name, set, { stream: silent(), signal }), AbortedError);
  });
});

describe("an image that is sent", () => {
  const CHUNK = new Uint8Array(1024 * 1024).fill(7);
  function* chunks(count: number, seen: (sent: number) => void) {
    for (let at = 0; at < count; at++) {
      seen(at);
      yield CHUNK;
    }
  }

  it("waits for a peer that reads slowly", async () => {
    let received = 0;
    let most = 0;
    let sent = 0;
    const path = await listen((socket) => {
      socket.on("data", (chunk: Uint8Array) => {
        received += chunk.length;
        most = Math.max(most, sent * CHUNK.length - received);
        if (received > 64 * CHUNK.length) socket.write(success);
      });
    });
    const image = {
      length: 64 * CHUNK.length,
      chunks: chunks(64, (at) => {
        sent = at;
      }),
    };
    const reply = await request(path, name, createCommand, { image });
    assert.equal(reply.payload.kind, "success");
    assert.ok(received > 64 * CHUNK.length);
    assert.ok(most < 8 * CHUNK.length, `${most} bytes were on the way`);
  });

  it("is not sent to its end if the peer refuses before, and the refusal is seen", async () => {
    let sent = 0;
    const path = await listen((socket) => {
      socket.once("data", () => {
        socket.pause();
        socket.end(failure, () => socket.destroy());
      });
    });
    const image = {
      length: 512 * CHUNK.length,
      chunks: chunks(512, (at) => {
        sent = at;
      }),
    };
    if ("Deno" in globalThis) {
      // A failed write makes Deno's sockets forget what was received: the refusal may be lost, the failure not.
      const outcome = await request(path, name, createCommand, { image }).catch((error: unknown) => error);
      assert.ok(
        outcome instanceof ProtocolError || (outcome as { payload: { kind: string } }).payload.kind === "failure",
      );
    } else {
      const reply = await request(path, name, createCommand, { image });
      assert.equal(reply.payload.kind, "failure");
    }
    assert.ok(sent < 100);
  });

  for (const [what, length] of [
    ["shorter", 3 * CHUNK.length + 1],
    ["longer", 3 * CHUNK.length - 1],
  ] as const) {
    it(`fails if it turns out ${what} than announced`, async () => {
      const path = await listen((socket) => socket.resume());
      const image = { length, chunks: chunks(3, () => undefined) };
      await assert.rejects(request(path, name, createCommand, { image }), /its size changed/);
    });
  }
});

describe("a stream of messages", () => {
  it("holds the peer back while it is not read", async () => {
    const frame = consoleFrame(new Uint8Array(64 * 1024));
    let written = 0;
    const total = 200;
    const path = await listen((socket) => {
      const pump = () => {
        while (written < total) {
          written++;
          if (!socket.write(frame)) {
            socket.once("drain", pump);
            return;
          }
        }
        socket.end();
      };
      onFrames(socket, pump);
    });
    const connection = await ClientConnection.open(path);
    try {
      await connection.send(commandMessage(name, info));
      await sleep(200);
      const held = written * frame.length;
      assert.ok(held < RECEIVE_HIGH_WATER + 2 * 1024 * 1024, `${held} bytes were taken`);
      let count = 0;
      for await (const message of connection.messages()) if (message.payload.kind === "data") count++;
      assert.equal(count, total);
    } finally {
      connection.close();
    }
  });

  it("ends when the peer closes", async () => {
    const path = await listen((socket) => onFrames(socket, () => socket.end(Buffer.concat([success, success]))));
    const connection = await ClientConnection.open(path);
    const kinds: string[] = [];
    try {
      await connection.send(commandMessage(name, info));
      for await (const message of connection.messages()) kinds.push(message.payload.kind);
    } finally {
      connection.close();
    }
    assert.deepEqual(kinds, ["success", "success"]);
  });
});
