/** What the receiving of a compressed content holds in memory. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { createDeflate, deflateSync } from "node:zlib";
import { parseName } from "../../../core/name.ts";
import { receiveBlock } from "../../../daemon/albatrossd/block-upload.ts";
import { livePromises } from "../../support/live-promises.ts";

const folder = mkdtempSync(join(tmpdir(), "albatross-block-upload-"));
after(() => rmSync(folder, { recursive: true }));
mkdirSync(join(folder, "block", ".unfinished"), { recursive: true });

const MIB = 2 ** 20;
const target = (size: number) => ({
  databaseDirectory: folder,
  name: parseName("data"),
  size,
  replace: false,
  tooLong: "stream exceeds size",
});

describe("a compressed content", () => {
  it("leaves nothing of the pieces that were taken, however many", async () => {
    const size = 256 * MIB;
    const upload = await receiveBlock(target(size), true);
    const deflate = createDeflate({ level: 0 }); // as many bytes as the device has
    const before = livePromises();
    for (let at = 0; at < size; at += MIB) deflate.write(new Uint8Array(MIB));
    deflate.end();
    for await (const chunk of deflate) await upload.write(new Uint8Array(chunk as Uint8Array));
    const left = livePromises() - before;
    await upload.finish();
    assert.ok(left < 1000, `${left} promises more`);
  });

  it("takes no memory for what comes after its end, and is refused for it", async () => {
    const upload = await receiveBlock(target(MIB), true);
    await upload.write(new Uint8Array(deflateSync(new Uint8Array(1000))));
    const before = livePromises();
    for (let count = 0; count < 3000; count++) await upload.write(new Uint8Array(64 * 1024));
    const left = livePromises() - before;
    await assert.rejects(upload.finish(), /bytes after the end of the compressed data/);
    assert.ok(left < 1000, `${left} promises more`);
  });
});
