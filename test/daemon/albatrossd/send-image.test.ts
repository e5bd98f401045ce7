/** An image reply that is sent in pieces is the same as one encoded whole. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { parseName } from "../../../core/name.ts";
import { FrameReader } from "../../../core/wire/framing.ts";
import { decodeMessage, encodeFrame } from "../../../core/wire/message-codec.ts";
import { imageFrameHead, PIECE_SIZE, sendImage } from "../../../daemon/albatrossd/send-image.ts";
import { type Connection, connectUnix, listenUnix } from "../../../runtime/unix-socket.ts";

const headers = [
  { sequence: 0n, name: parseName(":") },
  { sequence: 2n ** 64n - 1n, name: parseName("foo:bar") },
  { sequence: 7n, name: parseName(`${"a".repeat(63)}:`.repeat(5) + "b".repeat(63)) },
];
const sizes = [
  0,
  1,
  100,
  127,
  128,
  255,
  256,
  65_535,
  65_536,
  PIECE_SIZE,
  PIECE_SIZE + 1,
  2 ** 24 - 1,
  2 ** 24,
  2 ** 24 + 9,
];
const plainImage = { kind: "unikernel-image", compressed: false } as const;
const forms = [plainImage, { kind: "old-block-device-image", compressed: true } as const];
const encoded = (header: (typeof headers)[number], image: Uint8Array, form: (typeof forms)[number] = plainImage) =>
  encodeFrame({ header, payload: { kind: "success", success: { ...form, image } } });

describe("the head of an image reply", () => {
  it("is that of the general encoder, for all lengths of names and sizes around those of lengths", () => {
    for (const header of headers) {
      for (const [at, size] of sizes.entries()) {
        const form = forms[at % 2] ?? assert.fail();
        const whole = encoded(header, new Uint8Array(size), form);
        const head = imageFrameHead(header, { ...form, size });
        assert.equal(head.length + size, whole.length, `${header.name.text} ${size}`);
        assert.ok(Buffer.from(head).equals(whole.subarray(0, head.length)), `${header.name.text} ${size}`);
      }
    }
  });
});

describe("an image reply", () => {
  const folder = mkdtempSync(join(tmpdir(), "albatross-send-"));
  after(() => rmSync(folder, { recursive: true }));
  const [header] = headers;
  assert.ok(header !== undefined);

  /** Sends a file to a client that `receive`s; gives when the server's side is through. */
  async function sending(
    image: { path: string; size: number },
    client: (connection: Connection) => { data(chunk: Uint8Array): void },
    stallTimeout?: number,
  ): Promise<void> {
    const path = join(folder, "socket");
    const through = Promise.withResolvers<void>();
    const gone = Promise.withResolvers<void>();
    const listener = listenUnix({ path }, (connection) => {
      void sendImage(connection, header ?? assert.fail(), { ...plainImage, ...image }, stallTimeout).then(
        () => {
          connection.end();
          through.resolve();
        },
        (error) => through.reject(error),
      );
      return { data: () => undefined, close: () => gone.resolve() };
    });
    const received = Promise.withResolvers<void>();
    try {
      await connectUnix(path, (connection) => {
        const { data } = client(connection);
        return { data, close: () => received.resolve() };
      });
      await through.promise;
      await gone.promise;
      await received.promise;
    } finally {
      listener.close();
    }
  }

  it("arrives whole, however long", async () => {
    for (const size of [0, 1, PIECE_SIZE - 1, PIECE_SIZE, 3 * PIECE_SIZE + 5, 9_000_000]) {
      const bytes = new Uint8Array(size).map((_, index) => (index * 13) & 255);
      const path = join(folder, "image");
      writeFileSync(path, bytes);
      const reader = new FrameReader(2 ** 30);
      const frames: Uint8Array[] = [];
      await sending({ path, size }, () => ({
        data: (chunk) => void frames.push(...reader.push(chunk)),
      }));
      assert.equal(frames.length, 1, `${size}`);
      const { payload } = decodeMessage(frames[0] ?? new Uint8Array());
      assert.ok(payload.kind === "success" && payload.success.kind === "unikernel-image");
      assert.ok(Buffer.from(bytes).equals(payload.success.image));
    }
  });

  it("ends without pretence where the file is shorter than it was", async () => {
    const path = join(folder, "short");
    writeFileSync(path, new Uint8Array(1000));
    let received = 0;
    await sending({ path, size: 1001 }, () => ({
      data: (chunk) => {
        received += chunk.length;
      },
    }));
    assert.ok(received < encoded(header, new Uint8Array(1001)).length);
  });

  it("gives a client up that takes nothing, and one that goes away", async () => {
    const path = join(folder, "large");
    const size = 20_000_000;
    writeFileSync(path, new Uint8Array(size));
    const started = performance.now();
    let received = 0;
    await sending(
      { path, size },
      (connection) => {
        connection.pause();
        setTimeout(() => connection.resume(), 600); // to see the end
        return {
          data: (chunk) => {
            received += chunk.length;
          },
        };
      },
      200,
    );
    assert.ok(performance.now() - started >= 200);
    assert.ok(received < size);
    await sending({ path, size }, (connection) => ({ data: () => connection.destroy() }));
  });

  it("fails where there is no file", async () => {
    const through = sendImage({} as Connection, header, { ...plainImage, path: join(folder, "missing"), size: 5 });
    await assert.rejects(through, /ENOENT/);
  });
});
