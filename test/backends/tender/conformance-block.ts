/**
 * Block devices.
 *
 * @module
 */
import assert from "node:assert/strict";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";
import type { TenderUnderTest } from "./cpu-conformance.ts";
import { Call, Guest } from "./guest-image.ts";
import type { TenderRig } from "./tender-process.ts";

const CAPACITY = 4 << 20;
const MANIFEST = 0x10038;
const devices = [{ name: "storage", type: 1 }];

/** Registers the tests. */
export function testBlocks(tender: TenderUnderTest, rig: TenderRig): void {
  const path = join(rig.directory, "disk");
  const option = `--block:storage=${path}`;

  it("tells capacity and sector size in the manifest", () => {
    writeFileSync(path, new Uint8Array(CAPACITY));
    const image = new Guest(devices)
      .print(MANIFEST + 8 + 104, 104)
      .halt()
      .build();
    for (const [sector, options] of [
      [512, []],
      [4096, ["--block-sector-size:storage=4096"]],
      [32768, ["--block-sector-size:storage=32768"]],
    ] as const) {
      const { stdout, stderr } = rig.run(image, [option, ...options]);
      const view = new DataView(stdout.buffer);
      assert.equal(view.getUint32(68, true), 1, stderr);
      assert.equal(view.getBigUint64(72, true), BigInt(CAPACITY));
      assert.equal(view.getUint16(80, true), sector);
      assert.equal(stdout[96], 1, "attached");
    }
  });

  it("reads and writes at any offset, as much as fits, and refuses the rest", () => {
    writeFileSync(
      path,
      Uint8Array.from({ length: CAPACITY }, (_, at) => at & 0xff),
    );
    const guest = new Guest(devices);
    const buffer = 0x400000;
    const pattern = guest.data(new Uint8Array(512).fill(0xa5));
    const results: { at: number; expected: number; what: string }[] = [];
    const read = (what: string, expected: number, handle: number, offset: number | bigint, length: number | bigint) => {
      results.push({ at: guest.call(Call.blockRead, handle, offset, buffer, length, -1), expected, what });
    };
    const write = (what: string, expected: number, offset: number | bigint, length: number | bigint) => {
      results.push({ at: guest.call(Call.blockWrite, 1, offset, pattern, length, -1), expected, what });
    };
    read("first sector", 0, 1, 0, 512);
    read("odd offset, more than a sector", 0, 1, 100, 4096);
    read("last sector", 0, 1, CAPACITY - 512, 512);
    read("last byte", 0, 1, CAPACITY - 1, 1);
    read("nothing", 0, 1, 0, 0);
    read("all", 0, 1, 0, CAPACITY);
    read("at the capacity", 2, 1, CAPACITY, 512);
    read("nothing at the capacity", 2, 1, CAPACITY, 0);
    read("over the end", 2, 1, CAPACITY - 512, 513);
    read("far behind", 2, 1, 1n << 63n, 512);
    read("offset -1", 2, 1, -1, 1);
    read("handle 0", 2, 0, 0, 512);
    read("handle 2", 2, 2, 0, 512);
    read("handle -1", 2, -1, 0, 512);
    results.push({
      at: guest.call(Call.blockRead, 2, 0, -1, 512, -1),
      expected: 2,
      what: "wrong handle and wrong address",
    });
    results.push({
      at: guest.call(Call.blockRead, 1, CAPACITY, 1n << 40n, 512, -1),
      expected: 2,
      what: "wrong offset and wrong address",
    });
    read("offset and length around the end of all numbers", 2, 1, 512, -512);
    write("first sector", 0, 0, 512);
    write("last sector", 0, CAPACITY - 512, 512);
    write("nothing", 0, 0, 0);
    write("at the capacity", 2, CAPACITY, 512);
    write("over the end", 2, CAPACITY - 511, 512);
    guest.print(buffer + 1000, 16);
    for (const { at } of results) guest.print(at, 40);
    const { stdout, status, stderr } = rig.run(guest.halt().build(), [option]);
    assert.equal(status, 0, stderr);
    assert.deepEqual(
      stdout.slice(0, 16),
      Uint8Array.from({ length: 16 }, (_, at) => (1000 + at) & 0xff),
    );
    for (const [index, { expected, what }] of results.entries()) {
      assert.equal(new DataView(stdout.buffer).getInt32(16 + 40 * index + 32, true), expected, what);
    }
    const disk = readFileSync(path);
    assert.equal(disk.length, CAPACITY);
    assert.ok(disk.subarray(0, 512).every((byte) => byte === 0xa5));
    assert.ok(disk.subarray(CAPACITY - 512).every((byte) => byte === 0xa5));
    assert.equal(disk[512], 0);
    assert.equal(disk[CAPACITY - 513], 0xff);
  });

  const fatal: Record<string, readonly [call: number, address: number | bigint, length: number]> = {
    "a read that touches the end of memory": [Call.blockRead, (16 << 20) - 512, 512],
    "a read behind memory": [Call.blockRead, 1n << 40n, 512],
    "a read around the end of all addresses": [Call.blockRead, -256, 512],
    "a write from behind memory": [Call.blockWrite, 16 << 20, 512],
    "a read into the program's code": [Call.blockRead, 0x100000, 512],
  };
  for (const [what, [call, address, length]] of Object.entries(fatal)) {
    it(`${what} ends the tender`, () => {
      writeFileSync(path, new Uint8Array(CAPACITY));
      const guest = new Guest(devices);
      guest.call(call, 1, 0, address, length, -1);
      const { status, signal, stderr } = rig.run(guest.halt(7).build(), [option]);
      assert.deepEqual({ status, signal }, { status: 1, signal: null });
      assert.match(stderr, /Invalid guest access: gpa=0x|Fatal error when reading: Bad address/);
    });
  }

  it("a backing file that became shorter ends the tender", { skip: tender.own ? false : "ours" }, async () => {
    writeFileSync(path, new Uint8Array(CAPACITY));
    const guest = new Guest(devices);
    guest.print(guest.data([0x2e]), 1);
    const again = guest.here;
    guest.call(Call.blockRead, 1, CAPACITY - 512, 0x400000, 512, -1);
    guest.call(Call.poll, 1_000_000, 0, 0);
    const child = rig.start(guest.jump(again).build(), [option]);
    const { ended, firstOutput } = await import("./tender-process.ts");
    let stderr = "";
    child.stderr?.on("data", (chunk: Uint8Array) => {
      stderr += new TextDecoder().decode(chunk);
    });
    const end = ended(child);
    await firstOutput(child);
    truncateSync(path, 512);
    assert.deepEqual(await end, { status: 1, signal: null });
    assert.match(stderr, /Fatal error when reading: the block device has become shorter\n$/);
  });
}
