/** When a dump gives its device free. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { parseName } from "../../../core/name.ts";
import { FrameReader, REPLY_FRAME_LIMIT } from "../../../core/wire/framing.ts";
import { decodeMessage } from "../../../core/wire/message-codec.ts";
import { deflateFile, sendBlock } from "../../../daemon/albatrossd/send-block.ts";
import { sendOldDump } from "../../../daemon/albatrossd/send-old-dump.ts";
import type { Connection } from "../../../runtime/unix-socket.ts";
import { livePromises } from "../../support/live-promises.ts";

const folder = mkdtempSync(join(tmpdir(), "albatross-send-block-"));
after(() => rmSync(folder, { recursive: true }));
mkdirSync(join(folder, "block", ".unfinished"), { recursive: true });
const size = 2 ** 20;
const path = join(folder, "device");
writeFileSync(path, new Uint8Array(size).fill(7));
const header = { sequence: 1n, name: parseName("data") };

/** A client that takes everything, and sees at every moment whether the device is free. */
class Client {
  readonly #reader = new FrameReader(REPLY_FRAME_LIMIT);
  readonly frames: { readonly payload: Uint8Array; readonly free: boolean }[] = [];
  free = false;
  readonly whenRead = (): void => {
    this.free = true;
  };

  get connection(): Connection {
    const nothing = () => undefined;
    const send = (bytes: Uint8Array): boolean => {
      this.#reader.push(bytes.slice());
      for (let frame = this.#reader.next(); frame !== undefined; frame = this.#reader.next()) {
        this.frames.push({ payload: frame, free: this.free });
      }
      return true;
    };
    return {
      send,
      pending: 0,
      drained: async () => {},
      end: nothing,
      destroy: nothing,
      pause: nothing,
      resume: nothing,
    };
  }
}

describe("a dump", () => {
  for (const level of [0, 6]) {
    it(`gives its device free before its end is seen, but not before all is read, level ${level}`, async () => {
      const client = new Client();
      await sendBlock(client.connection, header, { path, size, level, whenRead: client.whenRead });
      const last = client.frames.at(-1) ?? assert.fail();
      assert.deepEqual(decodeMessage(last.payload).payload, {
        kind: "data",
        data: { kind: "block", bytes: undefined },
      });
      assert.deepEqual(
        client.frames.map(({ free }) => free),
        client.frames.map((frame) => frame === last),
      );
    });

    it(`of one message, too, level ${level}`, async () => {
      const client = new Client();
      await sendOldDump(client.connection, header, { path, size, level, whenRead: client.whenRead }, folder);
      assert.deepEqual(
        client.frames.map(({ free }) => free),
        [true],
      );
    });
  }

  it("remembers nothing of the pieces that have gone through the compressor", async () => {
    const large = join(folder, "large");
    writeFileSync(large, "");
    truncateSync(large, 2 ** 30);
    const before = livePromises();
    let most = 0;
    await deflateFile(large, 2 ** 30, 1, async () => {
      most = Math.max(most, livePromises());
    });
    assert.ok(most - before < 1000, `${most - before} promises more`);
  });
});
