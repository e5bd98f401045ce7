/** The image store: what is received is there whole, or not at all. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { deflateSync } from "node:zlib";
import {
  IMAGE_SIZE_MAX,
  ImageError,
  ImageStore,
  type StoredImage,
  UPLOAD_HIGH_WATER,
  type Upload,
} from "../../../daemon/albatrossd/images.ts";

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const pattern = (size: number) => new Uint8Array(size).map((_, index) => (index * 31 + (index >> 8)) & 255);
const openFiles = () => readdirSync("/proc/self/fd").length;

async function send(upload: Upload, bytes: Uint8Array, piece = 60_000): Promise<StoredImage> {
  for (let at = 0; at < bytes.length; at += piece) {
    if (upload.write(bytes.subarray(at, at + piece))) await upload.drained();
  }
  return await upload.finish();
}

describe("the image store", () => {
  let folder: string;
  let before: number;
  const files = () => readdirSync(join(folder, "images")).sort();

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "albatross-images-"));
    before = openFiles();
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Descriptors are closed by other threads: waits for them. */
  async function noLeak(): Promise<void> {
    for (let tries = 0; openFiles() > before && tries < 400; tries++) await new Promise((r) => setTimeout(r, 5));
    assert.ok(openFiles() <= before, `${openFiles()} files are open, ${before} were`);
  }

  it("outlives a file system that takes an image, and then neither syncs nor removes it", async () => {
    const store = new ImageStore(folder);
    const faults: unknown[] = [];
    const fault = (reason: unknown) => void faults.push(reason);
    process.on("unhandledRejection", fault);
    try {
      const image = await send(store.receive(false), pattern(1000));
      renameSync(join(folder, "images"), join(folder, "away"));
      symlinkSync("images", join(folder, "images")); // leads nowhere
      await assert.rejects(image.durable(), /ELOOP/);
      await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual(faults, []);
    } finally {
      process.off("unhandledRejection", fault);
    }
  });

  it("keeps what it received under its digest, plain or compressed, once", async () => {
    const store = new ImageStore(folder);
    for (const size of [0, 1, 65_536, 3_000_000]) {
      const bytes = pattern(size);
      const plain = await send(store.receive(false), bytes);
      assert.deepEqual([plain.sha256, plain.size], [sha256(bytes), size]);
      await plain.durable();
      const packed = await send(store.receive(true), deflateSync(bytes), 1000);
      assert.deepEqual([packed.sha256, packed.size], [plain.sha256, size]);
      await packed.durable();
      assert.ok(Buffer.from(bytes).equals(readFileSync(store.pathOf(plain.sha256))));
      assert.ok(store.has(plain));
    }
    assert.equal(files().length, 4);
    await noLeak();
  });

  it("takes an image of the largest size, and refuses one byte more", async () => {
    const store = new ImageStore(folder, 100_000);
    const image = await send(store.receive(false), pattern(100_000));
    assert.equal(image.size, 100_000);
    await image.durable();
    await assert.rejects(send(store.receive(false), pattern(100_001)), {
      name: "ImageError",
      message: "image exceeds 100000 bytes",
    });
    const packed = await send(store.receive(true), deflateSync(pattern(100_000)));
    await packed.durable();
    await assert.rejects(
      send(store.receive(true), deflateSync(pattern(100_001))),
      /^ImageError: image exceeds 100000 bytes$/,
    );
    assert.deepEqual(files(), [image.sha256]);
    assert.equal(IMAGE_SIZE_MAX, 512 * 2 ** 20);
    await noLeak();
  });

  it("stops uncompressing a bomb at once", async () => {
    const store = new ImageStore(folder, 2 ** 20);
    const bomb = deflateSync(new Uint8Array(256 * 2 ** 20), { level: 9 }); // a thousandth of that
    const started = performance.now();
    const upload = store.receive(true);
    await assert.rejects(send(upload, bomb), /image exceeds 1048576 bytes/);
    assert.ok(performance.now() - started < 2_000);
    assert.ok(upload.failure instanceof ImageError);
    assert.deepEqual(files(), []);
    await noLeak();
  });

  it("refuses what is no complete zlib stream", async () => {
    const store = new ImageStore(folder);
    const good = deflateSync(pattern(500_000));
    const flipped = good.slice();
    flipped.set([0xff, 0xff, 0xff, 0xff], 1000);
    const sum = good.slice();
    sum[sum.length - 1] = (sum.at(-1) ?? 0) ^ 1;
    for (const bytes of [
      new Uint8Array(),
      pattern(1000),
      good.subarray(0, 1),
      good.subarray(0, -1),
      good.subarray(0, 5000),
      flipped,
      sum,
    ]) {
      await assert.rejects(send(store.receive(true), bytes), /^ImageError: failed to uncompress: /);
    }
    assert.deepEqual(files(), []);
    await noLeak();
  });

  it("forgets an upload that is given up at any moment", async () => {
    const store = new ImageStore(folder);
    const bytes = pattern(2_000_000);
    for (const compressed of [false, true]) {
      const whole = compressed ? deflateSync(bytes) : bytes;
      for (const part of [0, 1, 1000, whole.length / 2, whole.length]) {
        const upload = store.receive(compressed);
        upload.write(whole.subarray(0, part));
        if (part % 2 === 0) await upload.drained();
        await upload.abort();
        await upload.abort();
        await assert.rejects(upload.finish(), /given up/);
        assert.equal(upload.write(whole), false);
      }
      const unfinished = store.receive(compressed);
      unfinished.write(whole.subarray(0, 100));
      await Promise.all([unfinished.abort(), unfinished.drained()]);
    }
    assert.deepEqual(files(), []);
    const done = store.receive(false);
    const image = await send(done, bytes);
    await done.abort(); // harmless
    await image.durable();
    assert.deepEqual(files(), [image.sha256]);
    await noLeak();
  });

  it("asks the sender to wait while much is not written yet", async () => {
    const store = new ImageStore(folder);
    const upload = store.receive(false);
    assert.equal(upload.write(new Uint8Array(UPLOAD_HIGH_WATER)), false);
    assert.equal(upload.write(new Uint8Array(1)), true);
    await upload.drained();
    assert.equal(upload.write(new Uint8Array(1)), false);
    await upload.abort();
    await noLeak();
  });

  it("removes what nothing needs, but not what is pinned or used", async () => {
    const store = new ImageStore(folder);
    const [one, two, three] = await Promise.all([1, 2, 3].map((size) => send(store.receive(false), pattern(size))));
    assert.ok(one !== undefined && two !== undefined && three !== undefined);
    await Promise.all([one, two, three].map((image) => image.durable()));
    store.collect(new Set());
    assert.equal(files().length, 3);
    const again = store.pin(one);
    one.release();
    one.release(); // counts once
    two.release();
    store.collect(new Set([two.sha256]));
    assert.equal(files().length, 3);
    store.collect(new Set());
    assert.deepEqual(files(), [one.sha256, three.sha256].sort());
    again.release();
    three.release();
    store.collect(new Set());
    assert.deepEqual(files(), []);
  });

  it("takes the same image from many at once", async () => {
    const store = new ImageStore(folder);
    const bytes = pattern(300_000);
    const images = await Promise.all(Array.from({ length: 8 }, () => send(store.receive(false), bytes, 5_000)));
    await Promise.all(images.map((image) => image.durable()));
    assert.deepEqual(files(), [sha256(bytes)]);
    for (const image of images.slice(1)) image.release();
    store.collect(new Set());
    assert.equal(files().length, 1);
    images[0]?.release();
    store.collect(new Set());
    assert.deepEqual(files(), []);
    await noLeak();
  });

  it("receives an image again whose file was damaged", async () => {
    const store = new ImageStore(folder);
    const image = await send(store.receive(false), pattern(5_000));
    await image.durable();
    writeFileSync(store.pathOf(image.sha256), "short");
    assert.equal(store.has(image), false);
    const again = await send(store.receive(false), pattern(5_000));
    await again.durable();
    assert.equal(store.has(image), true);
    assert.ok(Buffer.from(pattern(5_000)).equals(readFileSync(store.pathOf(image.sha256))));
  });

  it("removes uploads that a crash left, and nothing else", async () => {
    mkdirSync(join(folder, "images"));
    writeFileSync(join(folder, "images", ".upload-abc"), "half");
    writeFileSync(join(folder, "images", "abc"), "whole");
    new ImageStore(folder);
    assert.deepEqual(files(), ["abc"]);
  });

  it("says why it cannot store", async () => {
    const store = new ImageStore(folder);
    rmSync(join(folder, "images"), { recursive: true });
    const upload = store.receive(false);
    upload.write(pattern(10));
    await assert.rejects(upload.finish(), /^ImageError: cannot write the image to .*ENOENT/);
    await assert.rejects(store.receive(false).finish(), /^ImageError: cannot write the image to .*ENOENT/);
    mkdirSync(join(folder, "images"));
    const digest = sha256(pattern(10));
    mkdirSync(join(folder, "images", digest)); // the rename must fail
    await assert.rejects(send(store.receive(false), pattern(10)), /^ImageError: cannot store the image/);
    assert.deepEqual(files(), [digest]);
    chmodSync(folder, 0o755);
    await noLeak();
  });
});
