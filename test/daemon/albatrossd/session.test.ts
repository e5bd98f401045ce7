/** What any client may do to the socket of albatrossd, against the real program. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { FrameReader, REPLY_FRAME_LIMIT } from "../../../core/wire/framing.ts";
import { decodeMessage } from "../../../core/wire/message-codec.ts";
import { CONNECTIONS_MAX } from "../../../daemon/albatrossd/server.ts";
import { SocketError } from "../../../runtime/unix-socket.ts";
import {
  commandFrame,
  create,
  type Daemon,
  destroy,
  images,
  info,
  Machine,
  say,
  until,
  Wire,
} from "../../end-to-end/harness.ts";
import { mutate, Random } from "../../support/mutations.ts";
import { unhex, vectorList } from "../../support/vectors.ts";

const machine = new Machine();
let daemon: Daemon;
let kernels: Awaited<ReturnType<typeof images>>;

before(async () => {
  kernels = await images();
  daemon = await machine.start();
});
after(() => machine.close());

function framed(content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + content.length);
  new DataView(bytes.buffer).setUint32(0, content.length);
  bytes.set(content, 4);
  return bytes;
}

const alive = async () => {
  assert.ok(daemon.running, daemon.log);
  await machine.info();
};

const openFiles = () => readdirSync(`/proc/${daemon.pid}/fd`).length;

/** The answers to bytes that are sent on a socket whose sending side is then shut down. */
async function halfClosed(bytes: Uint8Array): Promise<readonly string[]> {
  const socket: Socket = connect({ path: machine.socket, allowHalfOpen: true });
  const reader = new FrameReader(REPLY_FRAME_LIMIT);
  const answers: string[] = [];
  socket.on("data", (chunk: Buffer) => {
    for (const frame of reader.push(new Uint8Array(chunk))) answers.push(say(decodeMessage(frame).payload));
  });
  socket.end(bytes);
  await new Promise((resolve, reject) => {
    socket.on("error", reject);
    socket.on("end", resolve);
  });
  socket.destroy();
  return answers;
}

describe("a connection to albatrossd", () => {
  it("takes noise, and only that one is closed", async () => {
    const random = new Random(1);
    for (let round = 0; round < 300; round++) {
      const bytes = Uint8Array.from({ length: 1 + random.below(200) }, () => random.below(256));
      const wire = await Wire.open(machine.socket);
      wire.send(random.below(10) < 7 ? framed(bytes) : bytes);
      if (random.below(2) === 0) await sleep(0);
      wire.close();
    }
    await alive();
  });

  it("takes every recorded message, whole and damaged, without harm", async () => {
    const messages = vectorList("wire.json").flatMap(({ hex: digits }) =>
      digits === undefined ? [] : [unhex(digits)],
    );
    assert.ok(messages.length > 50);
    const random = new Random(2);
    const open: Wire[] = [];
    for (let round = 0; round < 1_500; round++) {
      const original = messages[random.below(messages.length)] ?? assert.fail();
      const bytes = round % 4 === 0 ? original : mutate(original, random);
      const wire = await Wire.open(machine.socket);
      wire.send(framed(bytes));
      open.push(wire);
      if (open.length < 50) continue;
      await alive(); // and it has looked at all of them
      for (const done of open.splice(0)) done.close();
    }
    for (const wire of open) wire.close();
    await alive();
    const { log } = daemon;
    assert.doesNotMatch(log, /failed unexpectedly|uncaught|internal error/);
    // Some of them are commands that are carried out.
    for (const { name } of await machine.info()) await machine.ask(name, destroy);
  });

  it("is answered after it was half closed", async () => {
    const endless = { words: ["sleep=1000"] } as const;
    assert.deepEqual(await halfClosed(commandFrame("x", info)), ["unikernels"]);
    assert.deepEqual(await halfClosed(commandFrame("half", create(kernels["exit-code"], endless))), [
      "created unikernel",
    ]);
    assert.deepEqual(await halfClosed(commandFrame("half", destroy)), ["destroyed unikernel"]);
    assert.deepEqual(await halfClosed(commandFrame("x", info).subarray(0, 9)), []);
    assert.deepEqual(await halfClosed(new Uint8Array()), []);
  });

  it("takes a command byte by byte", async () => {
    const wire = await Wire.open(machine.socket);
    const frame = commandFrame("slow", create(kernels["hello"].subarray(0, 300)));
    for (const byte of frame) {
      wire.send(Uint8Array.of(byte));
      await sleep(0);
    }
    await wire.gone();
    assert.deepEqual(
      wire.messages.map(({ payload }) => say(payload)),
      ["refused: error during ELF parsing"],
    );
  });

  it("carries one command after the other after policy-add, and none after another", async () => {
    const policy = { unikernels: 2, cpuIds: [0], memory: 64, block: undefined, bridges: [] };
    const add = (unikernels: number) =>
      commandFrame("pipe:", { kind: "policy-add", policy: { ...policy, unikernels } }, BigInt(unikernels));
    const wire = await Wire.open(machine.socket);
    const endless = { words: ["sleep=1000"] } as const;
    const parts = [add(1), add(2), add(2), commandFrame("pipe:x", create(kernels["exit-code"], endless), 7n), add(5)];
    wire.send(Buffer.concat(parts));
    await wire.gone();
    assert.deepEqual(
      wire.messages.map(({ header, payload }) => [header.sequence, say(payload)]),
      [
        [1n, "added policy"],
        [2n, "added policy"],
        [2n, "no modification of policy"],
        [7n, "created unikernel"],
      ],
    );
    await machine.expect("pipe:x", destroy, "destroyed unikernel");
    const refused = await Wire.open(machine.socket);
    refused.send(Buffer.concat([add(0), commandFrame("pipe:a:", { kind: "policy-add", policy }), add(3)]));
    await refused.gone();
    const answers = refused.messages.map(({ payload }) => say(payload));
    assert.deepEqual(answers, ["added policy", "refused: policy above allows 0 unikernels, which is fewer than 2"]);
    await machine.expect("pipe:", { kind: "policy-remove" }, "removed policy");
  });

  it("that vanishes in the middle of anything leaves no descriptor and no file", async () => {
    await alive();
    const before = openFiles();
    const clean = machine.traces();
    const image = new Uint8Array(3 * 2 ** 20).map((_, index) => (index * 7) & 255);
    const frame = commandFrame("gone", create(image));
    for (let round = 0; round < 20; round++) {
      const wire = await Wire.open(machine.socket);
      wire.send(frame.subarray(0, Math.floor((frame.length * (round + 1)) / 20)));
      if (round % 3 === 0) await sleep(2);
      wire.close();
    }
    // One that has its whole command goes on without its client.
    const wire = await Wire.open(machine.socket);
    wire.send(commandFrame("orphan", create(kernels["exit-code"], { words: ["sleep=1000"] })));
    await sleep(1);
    wire.close();
    await until("it is decided", async () => {
      const traces = machine.traces().filter((trace) => trace.startsWith("image"));
      return !traces.some((trace) => trace.includes(".upload"));
    });
    await machine.ask("orphan", destroy);
    await until("its files are closed", () => openFiles() <= before);
    assert.deepEqual(machine.traces(), clean);
  });

  it("is refused beyond 1024, and taken again when one of them has gone", async () => {
    const open: Wire[] = [];
    try {
      for (let count = 0; count < CONNECTIONS_MAX; count++) open.push(await Wire.open(machine.socket));
      await sleep(100);
      assert.equal(open.filter((wire) => wire.closed).length, 0);
      try {
        const extra = await Wire.open(machine.socket);
        await extra.gone();
      } catch (error) {
        // It may be closed before this side has noticed that it is open.
        assert.ok(error instanceof SocketError && error.code === "ECONNRESET", String(error));
      }
      // All the others still work.
      open[0]?.send(commandFrame("x", info));
      await open[0]?.frame(0);
      open.at(-1)?.send(commandFrame("x", info));
      await open.at(-1)?.frame(0);
      await alive();
    } finally {
      for (const wire of open) wire.close();
    }
    await alive();
  });

  it("is refused earlier where descriptors are few, so that unikernels can still be created", async () => {
    const limit = 160;
    await Machine.with(async (other) => {
      await other.start({ wrapper: ["prlimit", `--nofile=${limit}:${limit}`] });
      const open: Wire[] = [];
      try {
        for (let count = 0; count < limit / 2 - 4; count++) open.push(await Wire.open(other.socket));
        await other.expect("x", create(kernels["ticker"]), "created unikernel");
        assert.equal(open.filter((wire) => wire.closed).length, 0);
        for (let count = 0; count < limit; count++) {
          try {
            open.push(await Wire.open(other.socket));
          } catch (error) {
            assert.ok(error instanceof SocketError && error.code === "ECONNRESET", String(error));
          }
        }
        await until(
          "those beyond half of them are closed",
          () => open.filter(({ closed }) => !closed).length <= limit / 2,
        );
        open[0]?.send(commandFrame("x", destroy));
        const answered = await until("it is destroyed", () => open[0]?.messages[0]);
        assert.equal(say(answered.payload), "destroyed unikernel");
        await open[0]?.gone();
        await until("there is room again", async () => {
          try {
            return (await other.ask("x", create(kernels["ticker"]))) === "created unikernel";
          } catch {
            return false; // it was closed before it could be used
          }
        });
      } finally {
        for (const wire of open) wire.close();
      }
    });
  });

  it("that takes no answer does not hold others up", async () => {
    await machine.expect("big", create(kernels["ticker"]), "created unikernel");
    const before = openFiles();
    const wires = await Promise.all(Array.from({ length: 20 }, () => machine.connect()));
    const frame = commandFrame("big", { kind: "unikernel-get", level: 0 });
    const many = Buffer.concat(Array.from({ length: 100 }, () => frame));
    for (const wire of wires) wire.send(many); // only the first counts
    await alive();
    for (const wire of wires) {
      await wire.gone();
      assert.equal(wire.frames.length, 1);
    }
    await machine.expect("big", destroy, "destroyed unikernel");
    await until("its files are closed", () => openFiles() <= before);
  });
});
