import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ImageError, type ImageSource, inspectImage, inspectManifest } from "../../backends/image.ts";
import { MANIFEST_ENTRIES_MAX } from "../../backends/image-notes.ts";
import { bytesSource, WINDOW_BYTES, windowed } from "../../backends/image-source.ts";
import { at, makeImage, patched, sectionHeader } from "./synthetic-image.ts";

const service = { name: "service", type: 2 };
const storage = { name: "storage", type: 1 };
const good = makeImage({ devices: [service, storage] });

function refuses(image: Uint8Array | ImageSource, message: string): void {
  assert.throws(() => inspectImage(image), { name: "ImageError", message });
}

describe("reading the notes of an image", () => {
  it("gives target, version, instruction set and devices in their order", () => {
    assert.deepEqual(inspectImage(good), {
      target: "hvt",
      abiVersion: 2,
      machine: 62,
      devices: [
        { name: "service", type: "network" },
        { name: "storage", type: "block" },
      ],
    });
  });

  it("reads headers of big-endian files, whose descriptors are little-endian all the same", () => {
    const image = makeImage({ target: 2, devices: [service, storage], littleEndian: false });
    assert.deepEqual(inspectImage(image), { ...inspectImage(good), target: "spt" });
  });

  it("knows all targets", () => {
    const targets = [1, 2, 3, 4, 5, 6].map((target) => inspectImage(makeImage({ target })).target);
    assert.deepEqual(targets, ["hvt", "spt", "virtio", "muen", "genode", "xen"]);
  });

  it("takes the largest manifest and names of 67 bytes, whatever bytes these are", () => {
    const devices = Array.from({ length: MANIFEST_ENTRIES_MAX - 1 }, (_, index) => ({
      name: String(index).padEnd(67, "ü").slice(0, 34),
      type: 1,
    }));
    const found = inspectImage(makeImage({ devices })).devices;
    assert.equal(found.length, 63);
    assert.ok(found.every(({ name }) => name.length > 60 && name.length <= 67));
  });

  it("reads only the manifest for a client, whatever the ABI note says", () => {
    const image = patched(good, at.abiDescriptor, 99);
    refuses(image, "unknown abi target: 99");
    assert.equal(inspectManifest(image).length, 2);
  });

  it("names the target before the manifest's defects where the image could not be run anyway", () => {
    refuses(patched(makeImage({ target: 6 }), at.manifest, 2), "unsupported solo5 target xen");
    refuses(patched(makeImage({ target: 2 }), at.manifest, 2), "unsupported manifest version");
  });
});

describe("an image whose ELF file is malformed", () => {
  const names = sectionHeader(good, 3);
  const abi = sectionHeader(good, 1);
  const manifest = sectionHeader(good, 2);
  const big = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
  const cases: Record<string, Uint8Array> = {
    "is empty": new Uint8Array(0),
    "is one byte too short for a header": good.subarray(0, 63),
    "ends behind its header": good.subarray(0, 64),
    "ends one byte before its section table does": good.subarray(0, good.length - 1),
    "is a text": new TextEncoder().encode("#!/bin/sh\n".repeat(20)),
    "has another magic number": patched(good, 3, 0x47),
    "is for 32 bits": patched(good, 4, 1),
    "has byte order 0": patched(good, 5, 0),
    "has byte order 3": patched(good, 5, 3),
    "has something in byte 9": patched(good, 9, 1),
    "has something in byte 15": patched(good, 15, 1),
    "has a section table beyond its end": patched(good, 0x28, ...big),
    "has a section table offset that wraps around": patched(good, 0x28, 0xf0, ...big.slice(1)),
    "has section headers of 63 bytes": patched(good, 0x3a, 63, 0),
    "has section headers of 0 bytes": patched(good, 0x3a, 0, 0),
    "has no sections": patched(good, 0x3c, 0, 0),
    "has more sections than there are": patched(good, 0x3c, 5, 0),
    "has 65535 sections": patched(good, 0x3c, 0xff, 0xff),
    "has its names in the section behind the last": patched(good, 0x3e, 4, 0),
    "has its names in section 65535": patched(good, 0x3e, 0xff, 0xff),
    "has its names beyond its end": patched(good, names + 24, ...big),
    "has names longer than itself": patched(good, names + 32, ...big),
    "has names that end one byte behind it": patched(good, names + 32, (good.length & 0xff) + 1, good.length >> 8),
    "has a section whose name is beyond the names": patched(good, abi, 0xff, 0xff, 0xff, 0xff),
    "has its ABI note beyond its end": patched(good, abi + 24, ...big),
    "has an ABI note longer than itself": patched(good, abi + 32, ...big),
    "has its manifest beyond its end": patched(good, manifest + 24, ...big),
    "has a section for its manifest too small for a note": patched(good, manifest + 32, 19, 0),
    "has a manifest descriptor longer than itself": patched(good, at.manifestNote + 4, 0xff, 0xff, 0xff, 0x7f),
    "has a manifest descriptor of 2^32 - 1 bytes": patched(good, at.manifestNote + 4, 0xff, 0xff, 0xff, 0xff),
    "has an ABI descriptor longer than itself": patched(good, at.abiNote + 4, 0xff, 0xff, 0xff, 0x7f),
  };
  for (const [what, image] of Object.entries(cases)) {
    it(`that ${what} is refused`, () => refuses(image, "error during ELF parsing"));
  }

  it("that is no longer as long as it was is refused", () => {
    refuses({ size: good.length, readAt: (offset) => good.subarray(offset, offset + 8) }, "error during ELF parsing");
  });

  it("that has a descriptor one byte longer than the rest of the file is refused, and no other than that for it", () => {
    const rest = good.length - at.manifestNote - 20;
    refuses(patched(good, at.manifestNote + 4, (rest + 1) & 0xff, (rest + 1) >> 8), "error during ELF parsing");
    refuses(patched(good, at.manifestNote + 4, rest & 0xff, rest >> 8), "unexpected note size");
  });
});

describe("an image without one of the notes", () => {
  const cases: Record<string, Uint8Array> = {
    "ABI section": patched(good, sectionHeader(good, 1), 0),
    "manifest section": patched(good, sectionHeader(good, 2), 0),
    "owner of the right length": patched(good, at.abiNote, 5),
    "right owner": patched(good, at.abiNote + 12, 0x73),
    "zero behind the owner": patched(good, at.manifestNote + 17, 0x35),
    "right type of its ABI note": patched(good, at.abiNote + 8, 0x42),
    "right type of its manifest": patched(good, at.manifestNote + 8, 0x41),
  };
  for (const [what, image] of Object.entries(cases)) {
    it(`has no ${what}`, () => refuses(image, "manifest not found"));
  }

  it("is not saved by a second section of the same name", () => {
    const image = patched(good, sectionHeader(good, 0), 1); // of the ABI's name, in front of it, and empty
    refuses(image, "error during ELF parsing");
  });
});

describe("an ABI note", () => {
  it("has 16 bytes", () => {
    refuses(patched(good, at.abiNote + 4, 12), "abi manifest size mismatch");
    refuses(patched(good, at.abiNote + 4, 20), "abi manifest size mismatch");
  });
  it("has a target from 1 to 6", () => {
    refuses(patched(good, at.abiDescriptor, 0), "unknown abi target: 0");
    refuses(patched(good, at.abiDescriptor, 7), "unknown abi target: 7");
  });
  it("has zeros in its reserved words", () => {
    refuses(patched(good, at.abiDescriptor + 11, 1), "non-zero reserved0");
    refuses(patched(good, at.abiDescriptor + 12, 1), "non-zero reserved1");
  });
});

describe("a manifest note", () => {
  const entry = at.entry(1);
  const cases: [string, Uint8Array, string][] = [
    ["with 11 bytes", patched(good, at.manifestNote + 4, 11, 0), "manifest too small"],
    ["of version 0", patched(good, at.manifest, 0), "unsupported manifest version"],
    ["of version 2", patched(good, at.manifest, 2), "unsupported manifest version"],
    ["of version 2^24 + 1", patched(good, at.manifest + 3, 1), "unsupported manifest version"],
    ["without entries", patched(good, at.manifest + 4, 0), "zero manifest entries"],
    ["with 65 entries", patched(good, at.manifest + 4, 65), "too many manifest entries"],
    ["with 2^32 - 1 entries", patched(good, at.manifest + 4, 255, 255, 255, 255), "too many manifest entries"],
    ["with fewer entries than its size", patched(good, at.manifest + 4, 2), "unexpected note size"],
    ["with more entries than its size", patched(good, at.manifest + 4, 4), "unexpected note size"],
    ["that begins with a device", patched(good, at.entry(0) + 68, 1, 0, 0, 0), "expected RESERVED_FIRST"],
    ["whose first entry has a name", patched(good, at.entry(0), 0x61), "expected RESERVED_FIRST"],
    [
      "with two first ones",
      makeImage({ devices: [{ name: "", type: 0x40000000 }] }),
      "found RESERVED_FIRST not as first entry",
    ],
    [
      "with a name of 68 bytes",
      makeImage({ devices: [{ name: "x".repeat(68), type: 1 }] }),
      "unterminated device name",
    ],
    ["with a capacity", patched(good, entry + 72, 1), "non-zero mft_entry.u"],
    ["with a last byte of the union", patched(good, entry + 87, 1), "non-zero mft_entry.u"],
    ["with a descriptor", patched(good, entry + 88, 1), "non-zero mft_entry.b"],
    ["with a last byte of the descriptor", patched(good, entry + 95, 1), "non-zero mft_entry.b"],
    ["with a device that is attached", patched(good, entry + 96, 1), "non-zero mft_entry.attached"],
    ["with a device of type 0", patched(good, entry + 68, 0), "unknown manifest entry type: 0"],
    ["with a device of type 3", patched(good, entry + 68, 3), "unknown manifest entry type: 3"],
  ];
  for (const [what, image, message] of cases) it(`${what} is refused`, () => refuses(image, message));

  it("may have anything in its padding", () => {
    const image = patched(patched(good, at.manifest - 4, 1, 2, 3, 4), entry + 97, 1);
    assert.deepEqual(inspectImage(image), inspectImage(good));
  });
});

/** Numbers that look random, the same each time. */
function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe("any bytes whatever", () => {
  it("are an image or refused as one, never anything else, in 40000 mutations", () => {
    const random = generator(20_261_121);
    const originals = [good, makeImage({ devices: [service], littleEndian: false })];
    let accepted = 0;
    for (let round = 0; round < 40_000; round++) {
      let image = originals[random(2)]?.slice() ?? assert.fail();
      for (let count = random(4); count >= 0; count--) {
        const special = [0, 1, 0x7f, 0x80, 0xff, random(256)][random(6)] ?? 0;
        // Half of all changes go where it hurts: header, section table.
        const place = [random(image.length), random(64), image.length - 1 - random(256)][random(3)] ?? 0;
        image.fill(special, place, place + ([1, 1, 2, 4, 8][random(5)] ?? 1));
      }
      if (random(10) === 0) image = image.subarray(0, random(image.length));
      try {
        const fromMemory = inspectImage(image);
        assert.deepEqual(inspectImage(bytesSource(image)), fromMemory);
        accepted++;
      } catch (error) {
        assert.ok(error instanceof ImageError, `round ${round}: ${String(error)}`);
      }
    }
    assert.ok(accepted > 2_000 && accepted < 38_000, `${accepted} accepted: the mutations test nothing`);
  });
});

describe("an image that is read in windows", () => {
  it("is asked for little of it and for nothing outside", () => {
    const size = 10_000_000;
    const tail = good.length;
    // The same image with its section table at the end of ten megabytes.
    const table = good.subarray(tail - 256);
    const head = good.slice();
    new DataView(head.buffer).setBigUint64(0x28, BigInt(size - 256), true);
    let read = 0;
    const source: ImageSource = {
      size,
      readAt(offset, length) {
        assert.ok(offset >= 0 && length >= 0 && offset + length <= size);
        read += length;
        const bytes = new Uint8Array(length);
        for (let index = 0; index < length; index++) {
          const position = offset + index;
          bytes[index] = (position < tail ? head[position] : table[position - (size - 256)]) ?? 0;
        }
        return bytes;
      },
    };
    assert.deepEqual(inspectImage(source), inspectImage(good));
    assert.ok(read < 20 * WINDOW_BYTES, `${read} bytes were read`);
  });

  it("gives the same bytes at the window's limit and one past it", () => {
    const bytes = Uint8Array.from({ length: 3 * WINDOW_BYTES }, (_, index) => index % 251);
    const source = windowed(bytesSource(bytes));
    for (const length of [0, 1, WINDOW_BYTES - 1, WINDOW_BYTES, WINDOW_BYTES + 1]) {
      for (const offset of [0, 1, WINDOW_BYTES - 1, WINDOW_BYTES, bytes.length - length]) {
        assert.deepEqual(source.readAt(offset, length), bytes.subarray(offset, offset + length));
      }
    }
  });
});
