import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { deflateSync } from "node:zlib";
import { ProtocolError, RefusedError } from "../../client/errors.ts";
import { type UnpackOptions, unpacked } from "../../client/unpack.ts";
import { fromText } from "../../core/byte-string.ts";
import { Name } from "../../core/name.ts";

const data = Uint8Array.from({ length: 100_000 }, (_, at) => (at * at) % 251);

async function* inPieces(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function all(source: Uint8Array | AsyncIterable<Uint8Array>, compressed: boolean, options?: UnpackOptions) {
  const pieces: Uint8Array[] = [];
  for await (const piece of unpacked(source, compressed, options)) pieces.push(piece);
  return Buffer.concat(pieces);
}

describe("unpacked", () => {
  it("gives what was sent, whole or in pieces, compressed or not", async () => {
    for (const [bytes, compressed] of [
      [data, false],
      [deflateSync(data), true],
    ] as const) {
      assert.ok((await all(bytes, compressed)).equals(data));
      assert.ok((await all(inPieces(bytes), compressed)).equals(data));
    }
  });

  it("tells how much was taken, up to a limit", async () => {
    let taken = 0;
    const advance = (bytes: number) => {
      taken += bytes;
    };
    for (const [bytes, compressed] of [
      [data, false],
      [deflateSync(data), true],
    ] as const) {
      taken = 0;
      await all(bytes, compressed, { limit: data.length, advance });
      assert.equal(taken, data.length);
      await assert.rejects(all(bytes, compressed, { limit: data.length - 1 }), ProtocolError);
    }
  });

  it("takes nothing for complete that is not", async () => {
    const compressed = deflateSync(data);
    for (const broken of [compressed.subarray(0, -10), data]) {
      await assert.rejects(all(broken, true), ProtocolError);
      await assert.rejects(all(inPieces(broken), true), ProtocolError);
    }
  });

  it("passes on the errors of its source", async () => {
    async function* refused(): AsyncGenerator<Uint8Array, void> {
      yield deflateSync(data).subarray(0, 10);
      throw new RefusedError(Name.root, fromText("no more"));
    }
    for (const compressed of [true, false]) await assert.rejects(all(refused(), compressed), RefusedError);
  });
});
