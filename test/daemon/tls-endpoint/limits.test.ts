import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { encodeExtension } from "../../../core/wire/extension.ts";
import type { Command } from "../../../core/wire/message.ts";
import { SMALL_CERTIFICATE } from "../../../daemon/tls-endpoint/limits.ts";
import { create, say, until } from "../../end-to-end/harness.ts";
import { ALBATROSS_ID, usual } from "../../support/certificates.ts";
import { dial, EndpointRig, leafFor, policyExtension, talkTo } from "./endpoint-rig.ts";

const info = { kind: "unikernel-info" } as const;
const subscribe: Command = { kind: "console-subscribe", from: { count: 1 } };
const MIB = 1024 * 1024;

/** Handshakes of the test for leaks. */
const MANY = 10_000;

/** And at least, on a slow machine: fewer would not be told from what a heap grows and shrinks by. */
const FEW = 6_000;

/** Rounds of 500 whose least memory counts: in each it is up to 20 MB more than after the next collection. */
const LATEST = 6;

describe("the limits of the TLS endpoint", () => {
  const rig = new EndpointRig();
  const { root } = rig;

  before(async () => {
    await rig.machine.start();
  });
  after(async () => await rig.close());

  const descriptors = () => readdirSync(`/proc/${rig.daemon?.pid ?? 0}/fd`).length;
  const memory = () => {
    const status = readFileSync(`/proc/${rig.daemon?.pid ?? 0}/status`, "utf8");
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
  };

  async function restarted(flags: readonly string[]): Promise<void> {
    await rig.daemon?.stop();
    await rig.start(flags);
  }

  /** Opens connections that say nothing, or what `first` says; gives them once they are open. */
  async function silent(count: number, first?: (index: number) => Uint8Array): Promise<readonly Socket[]> {
    return await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const socket = connect(rig.port, "127.0.0.1");
        socket.on("error", () => undefined);
        socket.resume();
        // Whoever has to make room is closed, perhaps before the connection was noticed here.
        await new Promise((resolve) => socket.on("connect", resolve).on("close", resolve));
        if (first !== undefined) socket.write(first(index));
        return socket;
      }),
    );
  }

  /** The beginning of a hello that never ends. */
  const slowHello = () => Uint8Array.of(22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3);

  it("let clients in while two thousand others say nothing", async () => {
    await restarted([]);
    const before = memory();
    const sockets = await silent(2000);
    try {
      for (let count = 0; count < 5; count++) assert.equal(await rig.ask(leafFor(root, ".", info)), "unikernels");
      assert.ok(descriptors() < 300, `${descriptors()} descriptors`);
      assert.ok(memory() - before < 40 * MIB);
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  });

  it("let clients in while five hundred others begin a hello and do not end it", async () => {
    const sockets = await silent(500, slowHello);
    try {
      for (let count = 0; count < 5; count++) assert.equal(await rig.ask(leafFor(root, ".", info)), "unikernels");
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  });

  it("close connections that take too long to shake hands", async () => {
    await restarted(["--handshake-timeout=1"]);
    const begun = performance.now();
    const sockets = [...(await silent(3)), ...(await silent(3, slowHello))];
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.on("close", resolve))));
    const took = performance.now() - begun;
    assert.ok(took > 900 && took < 4000, `closed after ${took} ms`);
  });

  it("count connections: the last place is given, one more client is refused", async () => {
    await restarted(["--max-connections=3", "--handshake-timeout=1"]);
    const waiting = (label: string) => leafFor(root, label, create(new Uint8Array(0))); // waits for the image
    const sockets = ["x", "y", "z"].map((label) => dial(rig.port, root, waiting(label)));
    for (const socket of sockets) socket.on("error", () => undefined);
    await until("three are served", () => (rig.daemon?.log.split("asks for unikernel-create").length ?? 0) === 4);
    const { messages } = await rig.talk(leafFor(root, ".", info));
    assert.equal(messages.length, 0);
    await rig.daemon?.logged("there are too many already");
    sockets[0]?.destroy();
    await until("there is room again", async () => (await rig.ask(leafFor(root, ".", info))) === "unikernels");
    for (const socket of sockets) socket.destroy();
  });

  it("leave half of the places to others, however many one tenant wants", async () => {
    await restarted(["--max-connections=8"]);
    const [greedy, other] = ["greedy", "other"].map((name) => root.delegate(name, policyExtension()));
    assert.ok(greedy !== undefined && other !== undefined);
    const subscribe: Command = { kind: "console-subscribe", from: { count: 1 } };
    // Further delegations, and further names, make no further tenants.
    const below = greedy.delegate("below", policyExtension());
    const leaves = [leafFor(greedy, "a", subscribe), leafFor(below, "b", subscribe)];
    const sockets = Array.from({ length: 4 }, (_, at) => dial(rig.port, root, leaves[at % 2]));
    try {
      for (const socket of sockets) socket.on("error", () => undefined);
      await until("four are served", () => (rig.daemon?.log.split("asks for console-subscribe").length ?? 0) === 5);
      const refusal = "refused: too many connections of the same tenant, try again later";
      assert.equal(await rig.ask(leafFor(greedy, ".", info)), refusal);
      // Those who are refused, and stay as long as they can, make room.
      const refused = Array.from({ length: 8 }, () => dial(rig.port, root, leafFor(below, ".", info)));
      for (const socket of refused) sockets.push(socket.on("error", () => undefined));
      await Promise.all(
        refused.map((socket) => new Promise((resolve) => socket.once("data", resolve).on("close", resolve))),
      );
      assert.equal(await rig.ask(leafFor(other, ".", info)), "unikernels");
      assert.equal(await rig.ask(leafFor(root, ".", info)), "unikernels");
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  });

  it("bound the size of certificates: at most what was allowed", async () => {
    await restarted(["--max-certificate-size=1", "--certificate-memory=2"]);
    const leaf = (size: number) => root.leaf(".", new Uint8Array(size));
    // What is in the leaf is no command, which is only found out once it was received.
    assert.match(await rig.ask(leaf(1_000_000)), /^refused: /);
    const { messages, error } = await rig.talk(leaf(1_100_000));
    assert.equal(messages.length, 0);
    assert.ok(error !== undefined);
    await rig.daemon?.logged("excessive message size");
  });

  it("refuse a leaf of more than 16 MiB, and take one of 15 MB", async () => {
    await restarted([]);
    const before = memory();
    assert.match(await rig.ask(root.leaf(".", new Uint8Array(15_000_000))), /^refused: /);
    const { messages, error } = await rig.talk(root.leaf(".", new Uint8Array(17_000_000)));
    assert.equal(messages.length, 0);
    assert.ok(error !== undefined);
    assert.ok(memory() - before < 160 * MIB, `${memory() - before} bytes more`);
  });

  it("serve small certificates while large ones wait for their turn", async () => {
    await restarted(["--max-certificate-size=16", "--certificate-memory=16"]);
    const large = root.leaf(".", new Uint8Array(8_000_000));
    const many = Promise.all(Array.from({ length: 4 }, () => rig.ask(large)));
    for (let count = 0; count < 10; count++) assert.equal(await rig.ask(leafFor(root, ".", info)), "unikernels");
    for (const answer of await many) assert.match(answer, /^refused: /);
  });

  it("keep a place for a large certificate only as long as what it carries needs", async () => {
    await restarted(["--max-certificate-size=16", "--certificate-memory=16"]);
    const padded = (command: Command, size: number) => {
      const padding = { id: "2a0304", value: new Uint8Array(size) };
      const extensions = [
        { id: ALBATROSS_ID, value: encodeExtension(command) },
        padding,
        usual.end,
        usual.endUsage,
        usual.client,
      ];
      return root.leaf("x", undefined, { extensions });
    };
    const small = await rig.talk(padded(subscribe, SMALL_CERTIFICATE - 64 * 1024), { enough: 1 });
    assert.equal(say(small.messages[0]?.payload), "waiting for VM");
    assert.match(
      await rig.ask(padded(subscribe, SMALL_CERTIFICATE)),
      /^refused: Cannot serve certificates of more than/,
    );
    assert.match(await rig.ask(padded(create(new Uint8Array(200_000)), 0)), /^refused: error during ELF parsing/);
  });

  it("keep nothing of clients that have ended their subscription when it begins", async () => {
    await restarted([]);
    const before = descriptors();
    // What a client sends behind its hello comes in one piece, with the end of the connection.
    const proxy = createServer({ allowHalfOpen: true }, (client) => {
      const endpoint = connect({ port: rig.port, host: "127.0.0.1", allowHalfOpen: true });
      let hello = true;
      const rest: Buffer[] = [];
      client.on("data", (chunk: Buffer) => {
        if (hello) endpoint.write(chunk);
        else rest.push(chunk);
        hello = false;
      });
      client.on("end", () => endpoint.end(Buffer.concat(rest)));
      endpoint.on("data", (chunk) => client.write(chunk)).on("end", () => client.end());
      for (const socket of [client, endpoint]) socket.on("error", () => undefined);
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    try {
      const leaf = leafFor(root, "quiet", subscribe);
      for (let count = 0; count < 3; count++) {
        const socket = dial((proxy.address() as AddressInfo).port, root, leaf);
        socket.on("error", () => undefined);
        socket.on("secureConnect", () => socket.end());
      }
      await until("all were served", () => (rig.daemon?.log.split("asks for console-subscribe").length ?? 0) === 4);
      await until("nothing is left", () => descriptors() <= before);
    } finally {
      proxy.close();
    }
  });

  it("leave nothing behind after ten thousand handshakes, good and bad", { timeout: 600_000 }, async () => {
    await restarted([]);
    const good = leafFor(root, "x", { kind: "unikernel-destroy" });
    const bad = [
      undefined,
      root.leaf(".", new Uint8Array(10), { until: -1000 }),
      leafFor(root, ".", { kind: "policy-remove" }),
    ];
    const round = async (count: number) => {
      let left = count;
      await Promise.all(
        Array.from({ length: 8 }, async () => {
          while (left-- > 0) {
            const leaf = left % 4 === 0 ? bad[(left / 4) % bad.length] : good;
            await talkTo(rig.port, root, leaf, {});
          }
        }),
      );
    };
    const budget = performance.now() + 18_000;
    await round(1500); // until caches and the collector's heap have their size
    const [fds, bytes] = [descriptors(), memory()];
    let done = 1500;
    const used: number[] = [];
    while (done < FEW || (done < MANY && performance.now() < budget)) {
      await round(500);
      done += 500;
      used.push(memory());
    }
    await until("all descriptors are closed", () => descriptors() <= fds);
    const growth = Math.min(...used.slice(-LATEST)) - bytes;
    // One SSL of OpenSSL alone has 7 KB, and a connection in memory more than 20.
    assert.ok(growth < 5_000 * (done - 500 * LATEST - 1500), `${growth} bytes after ${done} handshakes`);
  });
});
