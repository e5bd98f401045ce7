/** The rule for addresses that guests hand over. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GuestMemory } from "../../../backends/tender/memory.ts";

const SIZE = 4 << 20;

describe("guest memory", () => {
  const memory = new GuestMemory(SIZE);
  const range = { readable: true, writable: false, executable: true };
  memory.protect({ ...range, start: 0x100000, end: 0x102000 });
  memory.protect({ ...range, start: 0x102000, end: 0x104000, writable: true });
  memory.protect({ ...range, start: 0x106000, end: 0x107000, readable: false, executable: false });
  const both = (address: number, size: number) => [memory.readable(address, size), memory.writable(address, size)];

  it("may be used up to one byte before its end", () => {
    assert.deepEqual(both(SIZE - 9, 8), [true, true]);
    assert.deepEqual(both(SIZE - 8, 8), [false, false]);
    assert.deepEqual(both(SIZE - 1, 0), [true, true]);
    assert.deepEqual(both(SIZE, 0), [false, false]);
    assert.deepEqual(both(0x107000, SIZE - 0x107000 - 1), [true, true]);
    assert.deepEqual(both(0x107000, SIZE - 0x107000), [false, false]);
  });

  it("may not be used with numbers beyond all addresses", () => {
    for (const huge of [2 ** 32, 2 ** 53, 2 ** 63, 2 ** 64, Number.POSITIVE_INFINITY]) {
      assert.deepEqual(both(huge, 1), [false, false]);
      assert.deepEqual(both(0x110000, huge), [false, false]);
    }
  });

  it("may be written only where the image allows it", () => {
    assert.deepEqual(both(0xfffff, 1), [true, true]);
    assert.deepEqual(both(0xfffff, 2), [true, false]);
    assert.deepEqual(both(0x100000, 0x2000), [true, false]);
    assert.deepEqual(both(0x101fff, 2), [true, false]);
    assert.deepEqual(both(0x102000, 0x2000), [true, true]);
    assert.deepEqual(both(0x104000, 0x2000), [true, true]);
    assert.deepEqual(both(0x105fff, 2), [false, false]);
    assert.deepEqual(both(0x106fff, 1), [false, false]);
    assert.deepEqual(both(0x107000, 1), [true, true]);
    assert.deepEqual(both(0, SIZE - 1), [false, false]);
  });

  it("is zero, and shows what is set", () => {
    assert.ok(memory.bytes.subarray(0, 0x1000).every((byte) => byte === 0));
    memory.setU64(0x2001, 0x1f_ffff_ffff_ffff);
    assert.equal(memory.u64(0x2001), 0x1f_ffff_ffff_ffff);
    assert.equal(memory.view.getBigUint64(0x2001, true), 0x1f_ffff_ffff_ffffn);
    memory.setU64(0x2001, 0xffff_ffff);
    assert.equal(memory.view.getBigUint64(0x2001, true), 0xffff_ffffn);
  });
});
