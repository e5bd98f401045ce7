/** Contents of block devices go in and out, and no mishap on the way leaves anything but the old or the new one. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { deflateSync } from "node:zlib";
import { fromText } from "../../core/byte-string.ts";
import { CHUNK_FRAME_LIMIT, FrameReader, frame } from "../../core/wire/framing.ts";
import type { Command } from "../../core/wire/message.ts";
import { decodeMessage } from "../../core/wire/message-codec.ts";
import { DRAIN_BYTES_MAX } from "../../daemon/albatrossd/incoming-stream.ts";
import { BLOCK_STREAMS_MAX } from "../../daemon/albatrossd/streams.ts";
import { connectUnix } from "../../runtime/unix-socket.ts";
import { mutate, Random } from "../support/mutations.ts";
import {
  add,
  answerOf,
  beginSet,
  contentOf,
  dump,
  fileOf,
  leftovers,
  MIB,
  noise,
  same,
  set,
  stream,
} from "./block-rig.ts";
import { commandFrame, create, type Daemon, destroy, forceCreate, images, Machine, say, until } from "./harness.ts";

const machine = new Machine();
let kernels: Awaited<ReturnType<typeof images>>;
let daemon: Daemon;

before(async () => {
  kernels = await images();
  daemon = await machine.start();
});
after(() => machine.close());

const remove: Command = { kind: "block-remove" };
const device = (name: string) => [{ name: fromText("storage"), device: fromText(name), sectorSize: undefined }];
const old = noise(2 * MIB, 7);
const fresh = noise(2 * MIB, 8);

/** Waits until nothing holds a device any more, and nothing half-made is left. */
async function settled(name: string): Promise<void> {
  await until(
    () => `everything is cleared up: ${leftovers(machine)}`,
    () => leftovers(machine).length === 0,
  );
  await until(`${name} is free`, async () => (await set(machine, name, stream(old))) === "set block device");
}

beforeEach(async () => {
  await machine.expect("disk", add(2), "added block device");
  assert.equal(await set(machine, "disk", stream(old)), "set block device");
});
afterEach(async () => {
  await settled("disk");
  await machine.expect("disk", remove, "removed block");
  assert.deepEqual(leftovers(machine), []);
  assert.ok(daemon.running, daemon.log);
});

describe("the content of a device", () => {
  it("goes in and out, in chunks of any size, plain and compressed", async () => {
    const cuts = [1, 4096, 5000, 65_536, 300_000];
    const chunks: Uint8Array[] = [];
    for (let at = 0, round = 0; at < fresh.length; round++) {
      const size = cuts[round % cuts.length] ?? 1;
      chunks.push(fresh.subarray(at, at + size));
      at += size;
    }
    assert.equal(await set(machine, "disk", stream(...chunks)), "set block device");
    same(contentOf(machine, "disk"), fresh);
    same(await dump(machine, "disk"), fresh);
    same(await dump(machine, "disk", 1), fresh);
    const packed = deflateSync(old, { level: 9 });
    assert.equal(
      await set(machine, "disk", stream(packed.subarray(0, 10), packed.subarray(10)), true),
      "set block device",
    );
    same(await dump(machine, "disk", 9), old);
    assert.equal(statSync(fileOf(machine, "disk")).mode & 0o777, 0o600);
  });

  it("is followed by zeros up to the size of the device, whatever was there before", async () => {
    assert.equal(await set(machine, "disk", stream(noise(5))), "set block device");
    same(contentOf(machine, "disk"), Buffer.concat([noise(5)], 2 * MIB));
    assert.equal(await set(machine, "disk", stream()), "set block device");
    same(contentOf(machine, "disk"), new Uint8Array(2 * MIB));
  });

  it("may have exactly the size of the device, and not a byte more", async () => {
    const [whole, more] = [stream(fresh), stream(fresh, noise(1))];
    assert.equal(await set(machine, "disk", more), "refused: stream exceeds size");
    same(contentOf(machine, "disk"), old);
    assert.equal(await set(machine, "disk", whole), "set block device");
    const packed = (bytes: Uint8Array) => stream(deflateSync(bytes));
    assert.equal(
      await set(machine, "disk", packed(Buffer.concat([old, noise(1)])), true),
      "refused: stream exceeds size",
    );
    same(contentOf(machine, "disk"), fresh);
  });

  it("stays sparse: zeros take no space", async () => {
    await machine.expect("sparse", add(64), "added block device");
    const content = new Uint8Array(64 * MIB);
    content.set(noise(100_000), 40 * MIB);
    assert.equal(
      await set(
        machine,
        "sparse",
        stream(
          content.subarray(0, 16 * MIB),
          content.subarray(16 * MIB, 32 * MIB),
          content.subarray(32 * MIB, 48 * MIB),
          content.subarray(48 * MIB),
        ),
      ),
      "set block device",
    );
    same(contentOf(machine, "sparse"), content);
    assert.ok(statSync(fileOf(machine, "sparse")).blocks * 512 < MIB, "it takes space for zeros");
    await machine.expect("sparse", remove, "removed block");
  });

  it("is refused at once if it is too long, while the client goes on sending", async () => {
    let answer = "";
    let refusedAfter = 0;
    let sent = 0;
    const closed = Promise.withResolvers<void>();
    const reader = new FrameReader(MIB);
    const connection = await connectUnix(machine.socket, () => ({
      data: (chunk) => {
        for (const bytes of reader.push(chunk)) {
          answer = say(decodeMessage(bytes).payload);
          refusedAfter = sent;
        }
      },
      end: () => undefined,
      close: () => closed.resolve(),
    }));
    connection.send(commandFrame("disk", { kind: "block-set", compressed: false }));
    const chunk = frame(noise(MIB));
    // One that looks for the answer only at the end of its stream: it must be able to come there.
    for (; sent < 40; sent++) {
      connection.send(chunk);
      await connection.drained();
    }
    connection.send(frame(new Uint8Array()));
    await closed.promise;
    assert.equal(answer, "refused: stream exceeds size");
    assert.ok(refusedAfter < 40, "the answer came only after everything");
    same(contentOf(machine, "disk"), old);
  });

  it("that was refused is not read for ever", async () => {
    const closed = Promise.withResolvers<void>();
    const connection = await connectUnix(machine.socket, () => ({
      data: () => undefined,
      close: () => closed.resolve(),
    }));
    let open = true;
    void closed.promise.then(() => {
      open = false;
    });
    connection.send(commandFrame("nothing", { kind: "block-set", compressed: false }));
    const chunk = frame(noise(MIB));
    let sent = 0;
    try {
      for (; open && sent < 2 * DRAIN_BYTES_MAX; sent += MIB) {
        connection.send(chunk);
        await connection.drained();
      }
    } catch {
      open = false;
    }
    assert.equal(open, false);
    assert.ok(sent >= DRAIN_BYTES_MAX, `closed after ${sent} bytes`);
  });

  it("may come in one chunk, however long, which is refused as soon as there is too much of it", async () => {
    await machine.expect("large", add(40), "added block device");
    const content = noise(40 * MIB);
    assert.equal(await set(machine, "large", stream(content)), "set block device");
    same(contentOf(machine, "large"), content);
    const longest = new Uint8Array(4 + 40 * MIB + 1);
    new DataView(longest.buffer).setUint32(0, CHUNK_FRAME_LIMIT);
    const wire = await beginSet(machine, "large", longest);
    await wire.frame(0);
    assert.equal(say(wire.messages[0]?.payload), "refused: stream exceeds size");
    wire.close();
    await until("it is given up", () => leftovers(machine).length === 0);
    same(contentOf(machine, "large"), content);
    await machine.expect("large", remove, "removed block");
  });
});

describe("the old content survives", () => {
  it("any noise in place of a stream, after which albatrossd serves as before", async () => {
    const random = new Random(3);
    for (let round = 0; round < 120; round++) {
      const bytes = Uint8Array.from({ length: 1 + random.below(3000) }, () => random.below(256));
      const compressed = random.below(2) === 0;
      const content = noise(2000, round);
      const valid = stream(compressed ? deflateSync(content) : content);
      const sent =
        round % 3 === 0
          ? bytes
          : round % 3 === 1
            ? mutate(valid, random)
            : valid.subarray(0, random.below(valid.length));
      const wire = await beginSet(machine, "disk", sent, compressed);
      if (random.below(2) === 0) await new Promise(setImmediate);
      wire.close();
    }
    await until("all are given up", () => leftovers(machine).length === 0);
    assert.equal(contentOf(machine, "disk").length, 2 * MIB);
  });

  it("a client that is gone in the middle", async () => {
    const wire = await beginSet(machine, "disk", stream(fresh).subarray(0, MIB));
    await until("the upload has begun", () => leftovers(machine).length === 1);
    wire.close();
    await until("it is given up", () => leftovers(machine).length === 0);
    same(contentOf(machine, "disk"), old);
  });

  it("a stream without end, which is said", async () => {
    const reader = new FrameReader(MIB);
    const { promise, resolve } = Promise.withResolvers<string>();
    const { createConnection } = await import("node:net");
    const socket = createConnection({ path: machine.socket, allowHalfOpen: true });
    socket.on("data", (chunk) => {
      for (const bytes of reader.push(new Uint8Array(chunk as Buffer))) resolve(say(decodeMessage(bytes).payload));
    });
    socket.end(Buffer.concat([commandFrame("disk", { kind: "block-set", compressed: false }), frame(noise(1000))]));
    assert.equal(await promise, "refused: error while reading stream");
    same(contentOf(machine, "disk"), old);
  });

  const packed = deflateSync(fresh);
  const broken = Buffer.from(packed);
  broken.fill(0xff, 5000, 6000);
  const cases: readonly (readonly [string, Uint8Array])[] = [
    ["broken", broken],
    ["cut short", packed.subarray(0, packed.length - 5)],
    ["empty", new Uint8Array()],
    ["not compressed at all", fresh],
    ["followed by other bytes", Buffer.concat([packed, noise(3)])],
  ];
  for (const [what, bytes] of cases) {
    it(`compressed data that is ${what}`, async () => {
      assert.match(
        await set(machine, "disk", stream(bytes), true),
        /^refused: (error writing to file descriptor|stream exceeds)/,
      );
      same(contentOf(machine, "disk"), old);
    });
  }

  it("a zip bomb, which is given up as soon as it exceeds the device", async () => {
    const bomb = deflateSync(new Uint8Array(512 * MIB));
    assert.ok(bomb.length < MIB);
    assert.equal(await set(machine, "disk", stream(bomb), true), "refused: stream exceeds size");
    same(contentOf(machine, "disk"), old);
  });

  it("the end of albatrossd by SIGKILL in the middle, and nothing half-made is left", async () => {
    const wire = await beginSet(machine, "disk", stream(fresh).subarray(0, MIB + 100));
    await until("the upload has begun", () => leftovers(machine).length === 1);
    await daemon.stop("SIGKILL");
    wire.close();
    same(contentOf(machine, "disk"), old);
    assert.equal(leftovers(machine).length, 1);
    daemon = await machine.startDaemon();
    assert.deepEqual(leftovers(machine), []);
    assert.doesNotMatch(daemon.log, /ignoring/);
  });

  it("many such ends at any moment: the old or the new content, never a mixture", async () => {
    for (let round = 0; round < 12; round++) {
      const content = Buffer.alloc(2 * MIB, round + 1);
      const before = contentOf(machine, "disk");
      const wire = await beginSet(machine, "disk", stream(content));
      const delay = performance.now() + round * 1.5;
      while (performance.now() < delay) await new Promise(setImmediate);
      await daemon.stop("SIGKILL");
      const acknowledged = wire.frames.length > 0;
      wire.close();
      const after = contentOf(machine, "disk");
      assert.equal(after.length, 2 * MIB);
      if (!after.equals(content)) {
        assert.ok(!acknowledged, "an acknowledged content is lost");
        same(after, before);
      }
      daemon = await machine.startDaemon();
      assert.deepEqual(leftovers(machine), []);
      same(await dump(machine, "disk"), after);
    }
  });
});

describe("a device is locked", () => {
  it("while it is being set", async () => {
    const wire = await beginSet(machine, "disk", frame(noise(10)));
    await until("the upload has begun", () => leftovers(machine).length === 1);
    assert.equal(await set(machine, "disk", stream(fresh)), "refused: set block: is in use");
    await machine.expect("disk", { kind: "block-dump", level: 0 }, "refused: dump block: is in use");
    await machine.expect("disk", { kind: "block-dump-old", level: 0 }, "refused: dump block: is in use");
    await machine.expect(
      "disk",
      { kind: "block-set-old", compressed: false, data: fresh },
      "refused: set block: is in use",
    );
    await machine.expect("disk", remove, "refused: remove block: is in use");
    await machine.expect("disk", { kind: "block-resize", size: 4, shrink: true }, "refused: resize block: is in use");
    for (const snapshot of [true, false]) {
      const copy: Command = { kind: "block-copy", target: fromText("other"), snapshot };
      await machine.expect("disk", copy, `refused: ${snapshot ? "snapshot" : "clone"} block: is in use`);
    }
    const command = create(kernels["block-check"], { blockDevices: device("disk") });
    await machine.expect("user", command, "refused: block device [unikernel: :disk] already in use");
    wire.send(frame(new Uint8Array()));
    assert.equal(await answerOf(wire), "set block device");
  });

  it("while it is being dumped, but for further dumps", async () => {
    await machine.expect("long", add(64), "added block device");
    const held = await connectUnix(machine.socket, () => ({ data: () => undefined, close: () => undefined }));
    held.pause(); // takes nothing, so that the dump does not come to its end
    held.send(commandFrame("long", { kind: "block-dump", level: 0 }));
    await until(
      "the dump has begun",
      async () => (await machine.ask("long", remove)) === "refused: remove block: is in use",
    );
    assert.equal(await set(machine, "long", stream()), "refused: set block: is in use");
    await machine.expect("long", { kind: "block-resize", size: 65, shrink: false }, "refused: resize block: is in use");
    const command = create(kernels["block-check"], { blockDevices: device("long") });
    await machine.expect("user", command, "refused: block device [unikernel: :long] already in use");
    same(await dump(machine, "long"), new Uint8Array(64 * MIB));
    held.destroy();
    await until("it is free again", async () => (await machine.ask("long", remove)) === "removed block");
  });

  it("until a client that leaves in the middle of a dump is noticed, and not longer", async () => {
    await machine.expect("noise", add(32), "added block device");
    assert.equal(await set(machine, "noise", stream(noise(16 * MIB), noise(16 * MIB, 2))), "set block device");
    const open = () => readdirSync(`/proc/${daemon.pid}/fd`).length;
    const before = open();
    for (const [kind, level] of [
      ["block-dump", 0],
      ["block-dump", 6],
      ["block-dump-old", 0],
      ["block-dump-old", 1],
    ] as const) {
      for (const patience of [0, 20, 100]) {
        const wire = await machine.connect();
        wire.send(commandFrame("noise", { kind, level }));
        await new Promise((resolve) => setTimeout(resolve, patience));
        wire.close();
      }
    }
    await until("it is free again", async () => (await machine.ask("noise", remove)) === "removed block");
    await until("all files are closed", () => open() <= before && leftovers(machine).length === 0);
  });

  it("while a unikernel has it", async () => {
    const command = create(kernels["block-check"], {
      blockDevices: device("disk"),
      words: ["count"],
    });
    await machine.expect("user", command, "created unikernel");
    assert.equal(await set(machine, "disk", stream(fresh)), "refused: set block: is in use");
    await machine.expect("disk", { kind: "block-dump", level: 0 }, "refused: dump block: is in use");
    await machine.expect("disk", remove, "refused: remove block: is in use");
    await machine.expect("user", destroy, /^destroyed/);
    same(await dump(machine, "disk"), contentOf(machine, "disk"));
  });
});

describe("a device of a unikernel stays locked", () => {
  const running = async () => {
    await machine.expect(
      "user",
      create(kernels["block-check"], { blockDevices: device("disk"), words: ["count"] }),
      "created unikernel",
    );
    await (await machine.console("user")).line("counting");
    return machine.processesOf("user")[0] ?? assert.fail("it does not run");
  };

  it("when albatrossd was killed and has adopted it", async () => {
    await running();
    await daemon.stop("SIGKILL");
    daemon = await machine.startDaemon();
    assert.equal(await set(machine, "disk", stream(fresh)), "refused: set block: is in use");
    await machine.expect("disk", { kind: "block-dump", level: 0 }, "refused: dump block: is in use");
    await machine.expect("disk", remove, "refused: remove block: is in use");
    await machine.expect("user", destroy, "destroyed unikernel");
  });

  it("while one without it takes the place, until the former has ended", async () => {
    const pid = await running();
    process.kill(pid, "SIGSTOP"); // so that it does not end at once
    const replaced = machine.ask("user", forceCreate(kernels["hello"]));
    await until(
      "the former is being ended",
      async () => (await machine.info("user"))[0]?.info.blockDevices.length === 0,
    );
    assert.equal(await set(machine, "disk", stream(fresh)), "refused: set block: is in use");
    await machine.expect("disk", { kind: "block-dump", level: 0 }, "refused: dump block: is in use");
    assert.equal(await replaced, "created unikernel");
    assert.equal(await set(machine, "disk", stream(fresh)), "set block device");
    await machine.vanishes("user");
  });

  it("and its size is told below a path, too", async () => {
    await machine.expect("below:disk", add(3), "added block device");
    await machine.expect(
      "below:user",
      create(kernels["block-check"], { blockDevices: device("disk"), words: ["count"] }),
      "created unikernel",
    );
    assert.equal((await machine.info("below:"))[0]?.info.blockDevices[0]?.size, 3);
    await machine.expect("below:user", destroy, "destroyed unikernel");
    await machine.expect("below:disk", remove, "removed block");
  });
});

describe("commands about devices", () => {
  it("refuse what is not there, and levels that are none", async () => {
    assert.equal(await set(machine, "nope", stream(fresh)), "refused: set block: not found");
    for (const kind of ["block-dump", "block-dump-old"] as const) {
      await machine.expect("nope", { kind, level: 0 }, "refused: dump block: not found");
      for (const level of [-1, 10, 2 ** 40]) {
        await machine.expect(
          "disk",
          { kind, level },
          `refused: dump block: compression level ${level} is not between 0 and 9`,
        );
      }
    }
    await machine.expect(
      "nope",
      { kind: "block-set-old", compressed: false, data: fresh },
      "refused: set block: not found",
    );
  });

  it("leave nothing behind for a size that is none", async () => {
    for (const size of [0, -1, 2 ** 50]) {
      await machine.expect("bad", add(size), /^refused: (overflow|block device policy)/);
      assert.equal(existsSync(fileOf(machine, ":bad")), false);
    }
    await machine.expect("bad", add(1), "added block device");
    await machine.expect("bad", remove, "removed block");
  });

  it("say that the file of a device was taken away", async () => {
    await machine.expect("gone", add(1), "added block device");
    rmSync(fileOf(machine, ":gone"));
    for (const kind of ["block-dump", "block-dump-old"] as const) {
      await machine.expect("gone", { kind, level: 0 }, "refused: file does not exist");
    }
    await machine.expect(
      "gone",
      { kind: "block-copy", target: fromText("x"), snapshot: false },
      "refused: file does not exist",
    );
    await machine.expect("gone", { kind: "block-resize", size: 2, shrink: false }, "refused: file does not exist");
    assert.equal(await set(machine, "gone", stream()), "set block device");
    await machine.expect("gone", remove, "removed block");
    assert.equal(existsSync(fileOf(machine, ":x")), false);
  });

  it("of old clients get no dump that is larger than a message", async () => {
    await machine.expect("large", add(2 ** 11), "added block device");
    await machine.expect(
      "large",
      { kind: "block-dump-old", level: 0 },
      /^refused: dump block: 2147483648 bytes are more than one message/,
    );
    await machine.expect("large", remove, "removed block");
  });

  it("do not touch a file that is no device", async () => {
    writeFileSync(fileOf(machine, ":odd"), "precious");
    await machine.expect("odd", add(1), "refused: file already exists");
    assert.equal(contentOf(machine, ":odd").toString(), "precious");
    assert.deepEqual(leftovers(machine), []);
  });

  it("of old clients carry and get all data in one message", async () => {
    const data = noise(MIB, 3);
    await machine.expect(
      "old",
      { kind: "block-add-old", size: 1, compressed: true, data: deflateSync(data) },
      "added block device",
    );
    same(await dump(machine, "old"), data);
    await machine.expect("old", remove, "removed block");
    for (const compressed of [false, true]) {
      const long = Buffer.concat([data, noise(1)]);
      const bytes = compressed ? deflateSync(long) : long;
      const command: Command = { kind: "block-add-old", size: 1, compressed, data: bytes };
      await machine.expect("old", command, "refused: data exceeds block size");
      await machine.expect(
        "disk",
        {
          kind: "block-set-old",
          compressed,
          data: compressed ? deflateSync(Buffer.concat([old, noise(1)])) : Buffer.concat([old, noise(1)]),
        },
        "refused: data exceeds block size",
      );
    }
    await machine.expect(
      "old",
      { kind: "block-add-old", size: 1, compressed: true, data: noise(10) },
      /^refused: error writing/,
    );
    await machine.expect(
      "old",
      { kind: "block-add-old", size: 1, compressed: false, data: undefined },
      "added block device",
    );
    same(await dump(machine, "old"), new Uint8Array(MIB));
    await machine.expect("old", remove, "removed block");
    same(contentOf(machine, "disk"), old);
    await machine.expect(
      "disk",
      { kind: "block-set-old", compressed: true, data: deflateSync(fresh) },
      "set block device",
    );
    for (const level of [0, 5]) {
      const [reply] = await machine.converse("disk", { kind: "block-dump-old", level });
      assert.ok(reply?.kind === "success" && reply.success.kind === "old-block-device-image", say(reply));
      assert.equal(reply.success.compressed, level > 0);
      const { inflateSync } = await import("node:zlib");
      same(level > 0 ? inflateSync(reply.success.image) : reply.success.image, fresh);
    }
  });

  it("end a dump with a failure if the file became shorter meanwhile", async () => {
    await machine.expect("shrunk", add(64), "added block device");
    const messages: string[] = [];
    const reader = new FrameReader(MIB);
    const closed = Promise.withResolvers<void>();
    const connection = await connectUnix(machine.socket, () => ({
      data: (chunk) => {
        for (const bytes of reader.push(chunk)) messages.push(say(decodeMessage(bytes).payload));
      },
      end: () => connection.end(),
      close: () => closed.resolve(),
    }));
    connection.send(commandFrame("shrunk", { kind: "block-dump", level: 0 }));
    await until("the dump has begun", () => messages.length > 0);
    connection.pause();
    truncateSync(fileOf(machine, ":shrunk"), MIB);
    connection.resume();
    await closed.promise;
    assert.equal(messages.at(-1), "refused: streaming block device");
    await machine.expect("shrunk", remove, "removed block");
  });

  it("are served up to so many at a time, and one more is refused", async () => {
    const names = Array.from({ length: BLOCK_STREAMS_MAX }, (_, at) => `many${at}`);
    for (const name of names) await machine.expect(name, add(1), "added block device");
    const wires = await Promise.all(names.map((name) => beginSet(machine, name, frame(noise(1)))));
    await until("all have begun", () => leftovers(machine).length === names.length);
    assert.match(await set(machine, "disk", stream(fresh)), /^refused: 32 block devices are being/);
    assert.match(await machine.ask("disk", { kind: "block-dump", level: 0 }), /^refused: 32 block devices are being/);
    for (const wire of wires) wire.send(frame(new Uint8Array()));
    for (const wire of wires) assert.equal(await answerOf(wire), "set block device");
    assert.equal(await set(machine, "disk", stream(fresh)), "set block device");
    for (const name of names) await machine.expect(name, remove, "removed block");
  });

  it("leave no descriptor open, however they end", async () => {
    const open = () => readdirSync(`/proc/${daemon.pid}/fd`).length;
    const once = async () => {
      await set(machine, "disk", stream(fresh));
      await set(machine, "disk", stream(fresh, fresh));
      await set(machine, "disk", stream(randomBytes(100)), true);
      await dump(machine, "disk", 3);
      await dump(machine, "disk");
      (await beginSet(machine, "disk", frame(noise(9)))).close();
      await settled("disk");
    };
    await once();
    const before = open();
    for (let round = 0; round < 10; round++) await once();
    await until(
      () => `as few files are open as before: ${open()} of ${before}`,
      () => open() <= before,
    );
  });
});
