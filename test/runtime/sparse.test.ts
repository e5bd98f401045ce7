/** What is worth writing of some bytes, and where a file has data. */
import assert from "node:assert/strict";
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { dataExtents } from "../../runtime/data-extents.ts";
import { dataRuns, SPARSE_UNIT } from "../../runtime/sparse.ts";

describe("the runs of data", () => {
  const runs = (bytes: Uint8Array) => [...dataRuns(bytes)].map(({ start, end }) => [start, end]);

  it("leave out whole units of zeros only", () => {
    const bytes = new Uint8Array(4 * SPARSE_UNIT + 100);
    assert.deepEqual(runs(bytes), []);
    assert.deepEqual(runs(new Uint8Array()), []);
    bytes[SPARSE_UNIT] = 1;
    assert.deepEqual(runs(bytes), [[SPARSE_UNIT, 2 * SPARSE_UNIT]]);
    bytes[3 * SPARSE_UNIT - 1] = 1;
    assert.deepEqual(runs(bytes), [[SPARSE_UNIT, 3 * SPARSE_UNIT]]);
    bytes[bytes.length - 50] = 1;
    assert.deepEqual(runs(bytes), [
      [SPARSE_UNIT, 3 * SPARSE_UNIT],
      [4 * SPARSE_UNIT, bytes.length],
    ]);
  });

  it("find a byte at any place", () => {
    for (let at = 0; at < 3 * SPARSE_UNIT; at += 997) {
      const bytes = new Uint8Array(3 * SPARSE_UNIT);
      bytes[at] = 0x80;
      const unit = Math.floor(at / SPARSE_UNIT) * SPARSE_UNIT;
      assert.deepEqual(runs(bytes), [[unit, unit + SPARSE_UNIT]]);
    }
  });

  it("are those of a part of a larger memory, too", () => {
    const memory = new Uint8Array(3 * SPARSE_UNIT).fill(9);
    assert.deepEqual(runs(memory.fill(0, 10, 10 + SPARSE_UNIT).subarray(10, 10 + SPARSE_UNIT)), []);
  });
});

describe("the extents of a file", () => {
  const folder = mkdtempSync(join(tmpdir(), "albatross-sparse-"));
  after(() => rmSync(folder, { recursive: true }));

  it("cover all its data, and not its large holes", () => {
    const file = openSync(join(folder, "file"), "w+");
    try {
      const size = 2 ** 30;
      ftruncateSync(file, size);
      assert.deepEqual([...dataExtents(file, size)], []);
      const places = [0, 2 ** 28 + 5, size - 3];
      for (const place of places) writeSync(file, Buffer.from("abc"), 0, 3, place);
      const extents = [...dataExtents(file, size)];
      for (const place of places) {
        assert.ok(
          extents.some(({ start, end }) => start <= place && place + 3 <= end),
          `${place} is missing`,
        );
      }
      assert.ok(extents.reduce((sum, { start, end }) => sum + end - start, 0) < 2 ** 22);
      assert.ok(extents.every(({ start, end }) => start < end && end <= size));
    } finally {
      closeSync(file);
    }
  });

  it("are the whole file where the system does not tell", () => {
    assert.deepEqual([...dataExtents(-1, 100)], [{ start: 0, end: 100 }]);
  });
});
