import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import { parseName } from "../../../core/name.ts";
import { frame } from "../../../core/wire/framing.ts";
import { encodeMessage } from "../../../core/wire/message-codec.ts";
import { SILENT_MAX } from "../../../daemon/common/command-server.ts";
import { ANSWERS_MAX, COMMAND_TIMEOUT_MS } from "../../../daemon/common/command-session.ts";
import { COMMAND_MAX } from "../../../daemon/console/console-handlers.ts";
import { add, type Client, Daemon, inactive, sleep, until } from "./harness.ts";

const header = { sequence: 0n, name: parseName(":x") };
const valid = encodeMessage({ header, payload: { kind: "command", command: { kind: "console-add", limit: 1 } } });
const hex = (text: string) => new Uint8Array(Buffer.from(text, "hex"));

describe("the console daemon and hostile clients", () => {
  let daemon: Daemon;
  before(async () => {
    daemon = await Daemon.start();
  });
  after(() => daemon.remove());

  async function stillServes(): Promise<void> {
    assert.ok(daemon.alive, daemon.output.slice(-2000));
    const client = await daemon.client();
    assert.match(await client.ask(":", inactive), /^consoles: /);
    await client.gone();
  }

  const malformed: Record<string, Uint8Array> = {
    garbage: new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"),
    "a length of zero": hex("00000000"),
    "a negative length": hex("ffffffff3000"),
    "a short message": hex("0000000230"),
    "a length beyond the limit": hex("00001001"),
    "version 4": frame(valid.map((byte, at) => (at === 6 ? 4 : byte))),
    "a sequence number of seven bytes": frame(hex("301902020500040700000000000000" + "0c023a78a007a005a003020101")),
    "trailing bytes": frame(new Uint8Array([...valid, 0])),
    "a reply": frame(encodeMessage({ header, payload: { kind: "success", success: { kind: "empty" } } })),
  };
  for (const [what, bytes] of Object.entries(malformed)) {
    it(`closes the connection, and only that, on ${what}`, async () => {
      const bystander = await daemon.subscription(":bystander");
      const client = await daemon.client();
      client.connection.send(bytes);
      if (what === "a short message") client.connection.end();
      await client.gone();
      assert.equal(client.messages.length, 0);
      assert.ok(!bystander.client.closed);
      bystander.client.connection.destroy();
      await stillServes();
    });
  }

  it("takes the longest command, and none that is longer", async () => {
    const client = await daemon.client();
    const padded = frame(valid);
    client.connection.send(padded);
    await until(() => client.messages.length === 1, "an answer");
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, COMMAND_MAX);
    client.connection.send(length);
    await sleep(50);
    assert.equal(client.closed, false, "at the limit it waits for the rest");
    const another = await daemon.client();
    new DataView(length.buffer).setUint32(0, COMMAND_MAX + 1);
    another.connection.send(length);
    await another.gone();
    client.connection.destroy();
  });

  it("survives mutated commands in any number and cut", async () => {
    const seeds = [valid, encodeMessage({ header, payload: { kind: "command", command: inactive } })];
    const mutation = fc.record({
      seed: fc.nat(seeds.length - 1),
      changes: fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 4 }),
      cut: fc.nat(60),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 20 }), async (mutations) => {
        const client = await daemon.client();
        for (const { seed, changes, cut } of mutations) {
          const bytes = frame(seeds[seed] ?? valid);
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
          client.connection.send(bytes.subarray(0, cut));
          client.connection.send(bytes.subarray(cut));
        }
        client.connection.end();
        await client.gone();
      }),
      { numRuns: 100 },
    );
    await stillServes();
  });

  it("does not collect answers for a client that takes none", async () => {
    const client = await daemon.client();
    client.connection.pause();
    const command = frame(valid);
    const many = Buffer.concat(Array.from({ length: 1000 }, () => command));
    for (let round = 0; round < 30; round++) client.connection.send(many);
    await sleep(500);
    assert.ok(client.connection.pending > ANSWERS_MAX, "the daemon read everything");
    client.connection.resume();
    await until(() => client.messages.length === 30_000, "all answers in the end");
    client.connection.destroy();
    await stillServes();
  });

  it("closes the oldest of too many connections that say nothing, but none that has spoken", async () => {
    const speaker = await daemon.client();
    assert.equal(await speaker.ask(":nofifo", add(1)), "failure: opening");
    const silent: Client[] = [];
    for (let at = 0; at < SILENT_MAX; at++) silent.push(await daemon.client());
    await sleep(50);
    assert.equal(silent.filter(({ closed }) => closed).length, 0, "at the limit");
    silent.push(await daemon.client());
    await until(() => silent[0]?.closed === true, "the oldest to be closed");
    await sleep(50);
    assert.equal(silent.filter(({ closed }) => closed).length, 1);
    assert.equal(await speaker.ask(":nofifo", add(1)), "failure: opening");
    for (const client of silent) client.connection.destroy();
    speaker.connection.destroy();
  });

  it("refuses connections past the limit that its descriptors allow, and serves again later", async () => {
    const limit = 40;
    const child = await Daemon.startWrapped(["prlimit", `--nofile=${limit}:${limit}`]);
    try {
      const clients: Client[] = [];
      for (let at = 0; at < limit / 2; at++) clients.push(await child.client());
      await sleep(50);
      assert.equal(clients.filter(({ closed }) => closed).length, 0, "at the limit");
      try {
        await (await child.client()).gone();
      } catch (error) {
        assert.equal((error as { code?: unknown }).code, "ECONNRESET"); // closed before it was seen to be open
      }
      assert.ok(child.descriptors < limit);
      for (const client of clients) client.connection.destroy();
      await until(() => child.descriptors < limit / 2, "the clients are gone for the daemon, too");
      assert.match(await (await child.client()).ask(":", inactive), /^consoles: /);
    } finally {
      await child.remove();
    }
  });

  it("serves on when nobody reads its log any more", async () => {
    const deaf = await Daemon.start();
    try {
      deaf.closeOutput();
      for (let round = 0; round < 3; round++) {
        const client = await deaf.client();
        client.connection.send(new Uint8Array(20).fill(1));
        await client.gone();
      }
      assert.ok(deaf.alive);
      assert.match(await (await deaf.client()).ask(":", inactive), /^consoles: /);
      assert.equal(await deaf.stop(), 0);
    } finally {
      await deaf.remove();
    }
  });

  it("waits for the rest of a command only so long", async () => {
    const client = await daemon.client();
    const began = performance.now();
    client.connection.send(frame(valid).subarray(0, 10));
    await client.gone();
    assert.ok(performance.now() - began > COMMAND_TIMEOUT_MS - 1000);
    await stillServes();
  });
});
