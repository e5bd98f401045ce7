/**
 * Frames out of streams of bytes.
 *
 * @module
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { FrameReader, FramingError, frame } from "../../../core/wire/framing.ts";

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}

/** `bytes` in pieces of the given sizes, again and again. */
function* pieces(bytes: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  for (let at = 0, index = 0; at < bytes.length; index++) {
    const size = sizes[index % sizes.length] ?? 1;
    yield bytes.slice(at, at + size);
    at += size;
  }
}

const payloads = fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { maxLength: 8 });
const sizes = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 6 });

describe("frames", () => {
  it("come out as they went in, however the stream is cut", () => {
    fc.assert(
      fc.property(payloads, sizes, (contents, cuts) => {
        const reader = new FrameReader(1000);
        const got: Uint8Array[] = [];
        for (const piece of pieces(concat(contents.map(frame)), cuts))
          for (const one of reader.push(piece)) got.push(one);
        assert.deepEqual(
          got.map((one) => [...one]),
          contents.map((one) => [...one]),
        );
        assert.ok(reader.between);
        assert.equal(reader.ended, false);
      }),
      { numRuns: 1000 },
    );
  });

  it("can be taken in pieces, and one after another with different limits", () => {
    fc.assert(
      fc.property(payloads, sizes, (contents, cuts) => {
        const reader = new FrameReader(0);
        const got: number[][] = [];
        let present: number[] = [];
        for (const chunk of pieces(concat(contents.map(frame)), cuts)) {
          reader.push(chunk);
          reader.limit = 200;
          for (let length = reader.frameLength(); length !== undefined; length = reader.frameLength()) {
            assert.equal(length, contents[got.length]?.length);
            const before = reader.remaining;
            const piece = reader.piece();
            if (piece === undefined) break;
            assert.equal(before - piece.length, reader.remaining);
            present.push(...piece);
            if (reader.remaining === 0) {
              got.push(present);
              present = [];
            }
          }
        }
        assert.deepEqual(
          got,
          contents.map((one) => [...one]),
        );
      }),
      { numRuns: 1000 },
    );
  });

  it("that are long are put together from many chunks", () => {
    const content = Uint8Array.from({ length: 1_000_000 }, (_, at) => at % 251);
    const reader = new FrameReader(content.length);
    const got: Uint8Array[] = [];
    for (const piece of pieces(frame(content), [65_536])) got.push(...reader.push(piece));
    assert.equal(got.length, 1);
    assert.deepEqual(got[0], content);
  });

  it("within one chunk are not copied", () => {
    const chunk = concat([frame(Uint8Array.of(1, 2, 3)), frame(Uint8Array.of(4))]);
    const got = [...new FrameReader(10).push(chunk)];
    assert.deepEqual(
      got.map((one) => one.byteOffset - chunk.byteOffset),
      [4, 11],
    );
    assert.ok(got.every((one) => one.buffer === chunk.buffer));
  });

  it("are allowed up to the limit, and refused one byte beyond, before anything of them is kept", () => {
    assert.equal(new FrameReader(100).push(frame(new Uint8Array(100))).next()?.length, 100);
    const reader = new FrameReader(100);
    reader.push(frame(new Uint8Array(101)).subarray(0, 4));
    assert.throws(() => reader.next(), FramingError);
    assert.throws(() => reader.next(), FramingError, "and stays refused");
    assert.throws(() => reader.frameLength(), FramingError);
    assert.throws(() => new FrameReader(2 ** 31 - 2).push(Uint8Array.of(0x7f, 255, 255, 255)).next(), FramingError);
  });

  it("that only announce a length take no memory", () => {
    const before = process.memoryUsage().arrayBuffers;
    const readers = Array.from({ length: 200 }, () => {
      const reader = new FrameReader(2 ** 31);
      reader.push(Uint8Array.of(0x7f, 0xff, 0xff, 0xff, 1));
      assert.equal(reader.next(), undefined);
      return reader;
    });
    assert.equal(readers.length, 200);
    assert.ok(process.memoryUsage().arrayBuffers - before < 64 * 1024 * 1024);
  });
});

describe("the end of a stream", () => {
  it("is a length of zero or below; what follows is kept apart", () => {
    for (const marker of [
      [0, 0, 0, 0],
      [0x80, 0, 0, 0],
      [255, 255, 255, 255],
    ]) {
      const stream = concat([frame(Uint8Array.of(7)), Uint8Array.from(marker), Uint8Array.of(9, 9, 9, 9, 9)]);
      for (const cut of [1, 3, 100]) {
        const reader = new FrameReader(10);
        const got: Uint8Array[] = [];
        for (const piece of pieces(stream, [cut])) got.push(...reader.push(piece));
        assert.deepEqual(
          got.map((one) => [...one]),
          [[7]],
        );
        assert.equal(reader.ended, true);
        assert.equal(reader.pending, 5);
        assert.deepEqual([...reader.rest()], [9, 9, 9, 9, 9]);
        assert.equal(reader.pending, 0);
      }
    }
  });

  it("in the middle of a frame or length can be told from one between frames", () => {
    const reader = new FrameReader(10);
    assert.ok(reader.between);
    assert.equal(reader.push(Uint8Array.of(0, 0)).next(), undefined);
    assert.equal(reader.between, false);
    assert.equal(reader.push(Uint8Array.of(0, 2, 5)).next(), undefined);
    assert.equal(reader.between, false);
    assert.deepEqual([...(reader.push(Uint8Array.of(6)).next() ?? [])], [5, 6]);
    assert.ok(reader.between);
  });
});
