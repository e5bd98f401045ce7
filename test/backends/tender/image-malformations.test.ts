/** Every malformation of an image ends the tender with status 1 and a line that says why, never with a stack trace. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { Call, Guest, type GuestDevice, type Segment } from "./guest-image.ts";
import { builtInTender, TenderRig } from "./tender-process.ts";

const MAX = (1n << 64n) - 1n;
const MEMORY = 16 << 20;

/** What a guest of these tests prints if it runs, which the malformed ones must not. */
const good = (devices: readonly GuestDevice[] = []) => {
  const guest = new Guest(devices);
  return guest.print(guest.data([0x21]), 1).halt(9);
};

const bytesOf = (value: bigint, length: number) =>
  Array.from({ length }, (_, at) => Number((value >> BigInt(8 * at)) & 0xffn));

/** A good image with other bytes. */
function patched(offset: number, ...bytes: readonly number[]): Uint8Array {
  const image = good().build();
  image.set(bytes, offset);
  return image;
}

/** A good image with a changed program header. */
function changed(name: "text" | "data" | "abi" | "manifest", fields: Partial<Segment>): Uint8Array {
  return good().build((segments) => Object.assign(segments[name], fields));
}

/** Where the builder puts things in the file of a guest whose code and data take a page each. */
const at = { abi: 0x3000, manifest: 0x3040 } as const;
const entry = (index: number) => at.manifest + 24 + 8 + 104 * index;

const malformations: Record<string, readonly [image: Uint8Array, message: RegExp]> = {
  "an empty file": [new Uint8Array(), /elf header does not match the expected size \(0 != 64\)/],
  "63 bytes": [good().build().slice(0, 63), /elf header does not match the expected size \(63 != 64\)/],
  "only the header": [good().build().slice(0, 64), /program header does not match the expected size \(0 != 224/],
  "no magic": [patched(1, 0x46), /elf header invalid/],
  "32 bits": [patched(4, 1), /elf header invalid/],
  "big-endian": [patched(5, 2), /elf header invalid/],
  "a shared object": [patched(0x10, 3), /elf header invalid/],
  "another machine": [patched(0x12, 183), /elf header invalid/],
  "another ELF version": [patched(0x14, 2), /elf header invalid/],
  "another header size": [patched(0x34, 63), /elf header invalid/],
  "another program header size": [patched(0x36, 32), /elf header invalid/],
  "no program headers": [patched(0x38, 0), /elf header invalid/],
  "65535 program headers": [patched(0x38, 0xff, 0xff), /program header does not match/],
  "program headers at the end of all offsets": [
    patched(0x20, ...bytesOf(MAX, 8)),
    /program header does not match the expected size \(0 != 224/,
  ],
  "program headers behind the file": [patched(0x20, 0, 0, 0, 1), /program header does not match/],

  "a note segment of 11 bytes": [changed("abi", { filesz: 11 }), /note does not fall within valid size/],
  "a note segment of 12 bytes, which is skipped": [changed("abi", { filesz: 12 }), /No Solo5 ABI information found/],
  "a note segment of 19 bytes, which is skipped": [changed("abi", { filesz: 19 }), /No Solo5 ABI information found/],
  "a note that is longer than its segment": [changed("abi", { filesz: 35 }), /note does not fall within valid size/],
  "a note behind the file": [changed("abi", { offset: 1 << 24 }), /bytes read mismatches note size/],
  "a note at the end of all offsets": [changed("abi", { offset: MAX }), /bytes read mismatches note size/],
  "a note header cut off": [
    changed("manifest", { offset: good().build().length - 10 }),
    /bytes read mismatches note size/,
  ],
  "an empty descriptor": [patched(at.abi + 4, 0), /note does not fall within valid size/],
  "a descriptor of 33 bytes": [patched(at.abi + 4, 33), /note does not fall within valid size/],
  "a descriptor of 4 GiB": [patched(at.abi + 4, 0xff, 0xff, 0xff, 0xff), /note does not fall within valid size/],
  "an ABI of 4 bytes": [patched(at.abi + 4, 4), /note does not fall within valid size/],
  "a note of another name": [patched(at.abi + 12, 0x54), /No Solo5 ABI information found in executable/],
  "a note of another name length": [patched(at.abi, 5), /No Solo5 ABI information found in executable/],
  "a note of another type": [patched(at.abi + 8, 0), /No Solo5 ABI information found in executable/],
  "another target": [patched(at.abi + 20, 2), /Executable is not for the solo5-hvt target/],
  "another ABI version": [patched(at.abi + 24, 3), /Executable requests unsupported ABI version 3/],

  "no manifest": [patched(at.manifest + 8, 0), /No Solo5 manifest found in executable/],
  "a manifest of 3 bytes": [patched(at.manifest + 4, 3, 0), /note does not fall within valid size/],
  "a manifest without its structure": [patched(at.manifest + 4, 4, 0), /Solo5 manifest is invalid/],
  "a manifest of 11 bytes": [patched(at.manifest + 4, 11, 0), /Solo5 manifest is invalid/],
  "another manifest version": [patched(at.manifest + 24, 2), /Solo5 manifest is invalid/],
  "no entries": [patched(at.manifest + 28, 0), /Solo5 manifest is invalid/],
  "more entries than there are": [patched(at.manifest + 28, 2), /Solo5 manifest is invalid/],
  "very many entries": [patched(at.manifest + 28, 0xff, 0xff, 0xff, 0xff), /Solo5 manifest is invalid/],
  "65 entries": [
    good(Array.from({ length: 64 }, (_, index) => ({ name: `d${index}`, type: 1 }))).build(),
    /note does not fall within valid size|Solo5 manifest is invalid/,
  ],
  "a first entry with a name": [patched(entry(0), 0x78), /Solo5 manifest is invalid/],
  "a first entry of another type": [patched(entry(0) + 68, 1), /Solo5 manifest is invalid/],
  "a name that does not end": [patched(entry(0) + 67, 0x78), /Solo5 manifest is invalid/],
  "a device that is attached already": [patched(entry(0) + 96, 1), /Solo5 manifest is invalid/],
  "a device of an unknown type": [
    good([{ name: "x", type: 3 }]).build(),
    /Device 'x' of type 0x3 declared but not attached\./,
  ],
  "a device of the last type that is not reserved": [
    good([{ name: "x", type: 0x3fffffff }]).build(),
    /Device 'x' of type 0x3fffffff declared but not attached\./,
  ],

  "a segment below the lowest address": [
    changed("text", { vaddr: 0xff000 }),
    /phdr\[0\] lies below the lowest address of an image/,
  ],
  "a segment at address 0": [changed("text", { vaddr: 0 }), /phdr\[0\] lies below/],
  "segments in descending order": [changed("data", { vaddr: 0x100000 }), /phdr\[1\] overlaps what lies before it/],
  "a segment before its predecessor": [changed("text", { vaddr: 0x130000 }), /phdr\[1\] is not in ascending order/],
  "a segment whose alignment reaches into the one before": [
    changed("data", { vaddr: 0x100800, filesz: 1, memsz: 1, align: 0x1000 }),
    /phdr\[1\] overlaps what lies before it/,
  ],
  "a segment behind memory": [changed("data", { vaddr: MEMORY }), /phdr\[1\] lies outside of guest memory/],
  "a segment at the end of all addresses": [
    changed("data", { vaddr: MAX - 0xfffn }),
    /phdr\[1\] lies outside of guest memory/,
  ],
  "a segment larger than memory in the file": [
    changed("data", { filesz: MAX, memsz: MAX }),
    /phdr\[1\] does not fit into guest memory/,
  ],
  "a segment larger than memory": [changed("data", { memsz: MAX }), /phdr\[1\] does not fit into guest memory/],
  "a segment one byte too large": [
    changed("data", { memsz: MEMORY - 0x120000 + 1 }),
    /phdr\[1\] does not fit into guest memory/,
  ],
  "a segment smaller in memory than in the file": [
    changed("text", { memsz: 1 }),
    /phdr\[0\] is larger in the file than in memory/,
  ],
  "an alignment of 0": [changed("text", { align: 0 }), /phdr\[0\] has an alignment that is not a power of two/],
  "an alignment of 3": [changed("text", { align: 3 }), /phdr\[0\] has an alignment that is not a power of two/],
  "an alignment of 2^63": [changed("text", { align: 1n << 63n }), /phdr\[0\] overlaps what lies before it/],
  "an alignment of 2^64 - 1": [changed("text", { align: MAX }), /phdr\[0\] /],
  "an alignment of less than a page": [changed("text", { align: 16 }), /phdr\[0\] is not aligned to pages/],
  "a segment behind the file": [changed("text", { offset: 1 << 24 }), /phdr\[0\] is cut off in the file \(0 != /],
  "a segment at the end of all offsets": [changed("text", { offset: MAX }), /phdr\[0\] is cut off in the file/],
  "a segment at the largest offset": [
    changed("text", { offset: (1n << 63n) - 1n }),
    /phdr\[0\] is cut off in the file/,
  ],
  "a segment that the file cuts off": [
    changed("data", { filesz: 0x100000, memsz: 0x100000 }),
    /phdr\[1\] is cut off in the file/,
  ],
  "a segment that is writable and executable": [
    changed("data", { flags: 7 }),
    /phdr\[1\] is both writable and executable/,
  ],
  "an entry point below the image": [patched(0x18, 0xff, 0xff, 0x0f), /entry point is outside of guest memory/],
  "an entry point behind memory": [
    patched(0x18, ...bytesOf(BigInt(MEMORY), 8)),
    /entry point is outside of guest memory/,
  ],
  "an entry point at the end of all addresses": [
    patched(0x18, ...bytesOf(MAX, 8)),
    /entry point is outside of guest memory/,
  ],
};

describe("an image that is malformed", () => {
  const rig = new TenderRig(builtInTender);
  after(() => rig.close());

  it("is not confused with a good one", () => {
    const { status, stdout, stderr } = rig.run(good().build(), ["--allow-emulation"]);
    assert.deepEqual({ status, stdout: [...stdout] }, { status: 9, stdout: [0x21] }, stderr);
  });

  for (const [what, [image, message]] of Object.entries(malformations)) {
    it(`is refused: ${what}`, () => {
      const { status, signal, stdout, stderr } = rig.run(image, ["--allow-emulation"]);
      assert.deepEqual({ status, signal, stdout: [...stdout] }, { status: 1, signal: null, stdout: [] }, stderr);
      assert.match(stderr, message);
      assert.match(stderr, /^(albatross tender: .*\n)+$/, "nothing but lines of the tender");
    });
  }

  it("is refused: a segment that only its alignment makes too large for 18 MiB", () => {
    const image = changed("data", { vaddr: 17 << 20, align: 4 << 20 });
    const { status, stderr } = rig.run(image, ["--mem=18"]);
    assert.equal(status, 1);
    assert.match(stderr, /phdr\[1\] does not fit into guest memory/);
  });

  it("may be anything else: random changes never crash the tender", () => {
    let state = 1;
    const random = (limit: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 0x1_0000_0000) * limit);
    };
    for (let round = 0; round < 60; round++) {
      const image = good().build();
      for (let change = 0; change <= random(3); change++) {
        const area = [
          [0, 0x120],
          [at.abi, image.length - at.abi],
        ][random(2)] as [number, number];
        image[area[0] + random(area[1])] = random(256);
      }
      const { status, signal, stderr } = rig.run(image, ["--allow-emulation"]);
      assert.equal(signal, null);
      // With other addresses the guest may still run, and halt with any status.
      assert.ok(status !== null, stderr);
      assert.match(stderr, /^(albatross tender: .*\n)*$/);
    }
  });
});

describe("an image that is odd but good", () => {
  const rig = new TenderRig([...builtInTender, "--allow-emulation"]);
  after(() => rig.close());
  const runs = (image: Uint8Array) => {
    const { status, stderr } = rig.run(image);
    assert.equal(status, 9, stderr);
  };

  it("may have a segment up to the last byte of memory", () => {
    runs(changed("data", { memsz: MEMORY - 0x120000 }));
  });

  it("may have segments without contents anywhere", () => {
    const guest = new Guest();
    const structure = 0x200000; // the data segment is the one without contents
    guest
      .store64(structure, 0)
      .store64(structure + 8, 9)
      .out(0x508, structure);
    runs(
      guest.build(({ data }) => {
        Object.assign(data, { flags: 7, offset: MAX, vaddr: 5, filesz: 0, memsz: MAX, align: 7 });
      }),
    );
  });

  it("may have an ABI descriptor of 32 bytes", () => {
    const image = changed("abi", { filesz: 20 + 32 });
    image[at.abi + 4] = 32;
    runs(image);
  });

  it("may have 64 entries in its manifest", () => {
    const disk = join(rig.directory, "disk");
    writeFileSync(disk, new Uint8Array(512));
    const names = Array.from({ length: 63 }, (_, index) => `d${index}`);
    const guest = new Guest(names.map((name) => ({ name, type: 1 })));
    const last = guest.call(Call.blockRead, 63, 0, 0x400000, 512, -1);
    const behind = guest.call(Call.blockRead, 64, 0, 0x400000, 512, -1);
    guest
      .print(last + 32, 4)
      .print(behind + 32, 4)
      .halt(9);
    const { status, stdout, stderr } = rig.run(
      guest.build(),
      names.map((name) => `--block:${name}=${disk}`),
    );
    assert.equal(status, 9, stderr);
    assert.deepEqual([...new Int32Array(stdout.buffer, 0, 2)], [0, 2]);
  });

  it("may have reserved entries that are no devices", () => {
    const image = good([{ name: "x", type: 0x40000000 }]).build();
    runs(image);
    new DataView(image.buffer).setUint32(entry(1) + 68, 0xffffffff, true);
    runs(image);
  });

  it("may have other bytes where nothing looks", () => {
    runs(patched(at.abi + 18, 1, 1));
    runs(patched(at.manifest + 18, 1, 1));
    runs(patched(7, 9, 9, 9, 9, 9, 9, 9, 9, 9));
    runs(patched(at.abi + 28, 1, 2, 3, 4, 5, 6, 7, 8));
    runs(patched(at.manifest + 20, 1, 2, 3, 4));
  });
});
