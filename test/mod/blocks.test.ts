/** Block devices by the scripting interface. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { AbortedError, type Albatross, connect, InputError, RefusedError } from "../../mod.ts";
import { type Daemon, Machine, until } from "../end-to-end/harness.ts";
import { rejection } from "./rejection.ts";

const MEBIBYTE = 2 ** 20;

const machine = new Machine();
const directory = mkdtempSync(join(tmpdir(), "albatross-mod-"));
let albatross: Albatross;
let daemon: Daemon;

before(async () => {
  daemon = await machine.start();
  albatross = await connect({ tmpdir: machine.tmpdir });
});
afterEach(async () => {
  for (const { name } of await albatross.blocks.list()) await albatross.blocks.destroy(name);
});
after(async () => {
  await machine.close();
  rmSync(directory, { recursive: true });
});

async function content(name: string, options = {}): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of albatross.blocks.dump(name, options)) pieces.push(piece);
  return Buffer.concat(pieces);
}

const pattern = (length: number) => Uint8Array.from({ length }, (_, at) => (at * 7) % 251);

function padded(data: Uint8Array, megabytes = 1): Buffer {
  const whole = Buffer.alloc(megabytes * MEBIBYTE);
  whole.set(data);
  return whole;
}

describe("block devices", () => {
  it("are created, listed, filled from everything, dumped and destroyed", async () => {
    const data = pattern(700_001); // more than a piece
    writeFileSync(join(directory, "data"), data);
    const sources = [data, join(directory, "data"), new Blob([data]).stream(), [data.subarray(0, 3), data.subarray(3)]];
    await albatross.blocks.create("data", 1);
    assert.deepEqual(await content("data"), padded(new Uint8Array(0)));
    for (const [at, source] of sources.entries()) {
      await albatross.blocks.set("data", source, { compressionLevel: at % 2 === 0 ? 0 : 6 });
      assert.ok((await content("data", { compressionLevel: at })).equals(padded(data)), `source ${at}`);
      await albatross.blocks.set("data", new Uint8Array(1));
    }
    const list = await albatross.blocks.list();
    assert.deepEqual(
      list.map(({ name, sizeMb, active }) => [name.text, sizeMb, active]),
      [[":data", 1, false]],
    );
    await albatross.blocks.destroy("data");
    await rejection(albatross.blocks.destroy("data"), RefusedError);
    await rejection(content("data"), RefusedError);
  });

  it("are copied and resized", async () => {
    const data = pattern(1000);
    await albatross.blocks.create("data", 1, { data });
    await albatross.blocks.clone("data", "copy");
    await albatross.blocks.snapshot("data", "snap");
    for (const name of ["copy", "snap"]) assert.ok((await content(name)).equals(padded(data)));
    await albatross.blocks.resize("copy", 2);
    assert.ok((await content("copy")).equals(padded(data, 2)));
    await rejection(albatross.blocks.resize("copy", 1), RefusedError);
    await albatross.blocks.resize("copy", 1, { shrink: true });
    await rejection(albatross.blocks.clone("data", "not a label"), InputError);
  });

  it("do not stay behind a create whose data fails", async () => {
    await rejection(albatross.blocks.create("data", 1, { data: [pattern(MEBIBYTE), pattern(1)] }), RefusedError);
    const early = await rejection(albatross.blocks.create("data", 1, { data: pattern(MEBIBYTE + 1) }), InputError);
    assert.match(early.message, /1048577 bytes/);
    await rejection(albatross.blocks.create("data", 1, { data: join(directory, "missing") }), InputError);
    await rejection(albatross.blocks.create("data", 0), InputError);
    assert.deepEqual(await albatross.blocks.list(), []);
  });

  it("are as before after an aborted upload, and can be filled again", async () => {
    await albatross.blocks.create("data", 2, { data: pattern(5000) });
    const stop = new AbortController();
    let returned = false;
    async function* endless() {
      try {
        for (;;) {
          yield pattern(1000);
          stop.abort();
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      } finally {
        returned = true;
      }
    }
    await rejection(albatross.blocks.set("data", endless(), { signal: stop.signal }), AbortedError);
    await until("the source is left", () => returned);
    assert.ok((await content("data")).equals(padded(pattern(5000), 2)));
    await untilFree(() => albatross.blocks.set("data", pattern(10)));
  });

  it("leave a stream that has nothing to say if they are refused", { timeout: 20_000 }, async () => {
    for (const compressionLevel of [0, 6]) {
      const cancelled = Promise.withResolvers<void>();
      const silent = new ReadableStream<Uint8Array>({
        pull: () => new Promise(() => undefined),
        cancel: () => cancelled.resolve(),
      });
      await rejection(albatross.blocks.set("nobody", silent, { compressionLevel }), RefusedError);
      await cancelled.promise;
    }
  });

  it("take no more from a stream than can be sent", async () => {
    const size = 64;
    await albatross.blocks.create("big", size);
    let taken = 0;
    function* zeros() {
      while (taken < size * MEBIBYTE) {
        taken += MEBIBYTE;
        yield new Uint8Array(MEBIBYTE);
      }
    }
    process.kill(daemon.pid, "SIGSTOP");
    let call: Promise<void>;
    try {
      call = albatross.blocks.set("big", zeros());
      await until("something is taken", () => taken > 0);
      await quiet(() => taken);
      assert.ok(taken < (size / 4) * MEBIBYTE, `${taken} bytes were taken that nobody reads`);
    } finally {
      process.kill(daemon.pid, "SIGCONT");
    }
    await call;
    assert.equal(taken, size * MEBIBYTE);
  });

  it("give no more than is taken, and end when nobody takes any more", async () => {
    const size = 64;
    await albatross.blocks.create("big", size, { data: pattern(size * MEBIBYTE) });
    const before = bytesRead();
    let pieces = 0;
    for await (const piece of albatross.blocks.dump("big")) {
      assert.ok(piece.length > 0);
      if (pieces++ > 0) break;
      await quiet(bytesRead);
      const read = bytesRead() - before;
      assert.ok(read > 0 && read < (size / 4) * MEBIBYTE, `albatrossd has read ${read} bytes for nobody`);
    }
    await untilFree(() => albatross.blocks.resize("big", size + 1));
  });
});

/** Bytes that albatrossd has read from files so far. */
function bytesRead(): number {
  return Number(/^rchar: (\d+)$/m.exec(readFileSync(`/proc/${daemon.pid}/io`, "utf8"))?.[1]);
}

/** Waits until a number has been the same for a while. */
async function quiet(read: () => number): Promise<void> {
  let last = read();
  let same = 0;
  await until("it is quiet", () => {
    const now = read();
    same = now === last ? same + 1 : 0;
    last = now;
    return same > 40;
  });
}

/** Tries until the daemon has noticed that nobody uses the device any more. */
async function untilFree(work: () => Promise<void>): Promise<void> {
  await until("the device is free again", async () => {
    try {
      await work();
      return true;
    } catch (error) {
      if (error instanceof RefusedError) return false;
      throw error;
    }
  });
}
