/**
 * The hypercalls that need no device, and what a guest may hand over.
 *
 * @module
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { TenderUnderTest } from "./cpu-conformance.ts";
import { Call, Guest } from "./guest-image.ts";
import type { TenderRig } from "./tender-process.ts";

const SIZE = 16 << 20;
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Registers the tests. */
export function testHypercalls(tender: TenderUnderTest, rig: TenderRig): void {
  /** A guest that must be ended by the tender, before it can say anything. */
  const dies = (guest: Guest, message: RegExp) => {
    guest.print(guest.data([0x21]), 1).halt();
    const { status, stdout, stderr, signal } = rig.run(guest.build());
    assert.deepEqual({ status, signal, stdout: text(stdout) }, { status: 1, signal: null, stdout: "" });
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /\n\s+at /, "no stack trace");
  };

  it("walltime gives nanoseconds since 1970", () => {
    const guest = new Guest();
    const at = guest.call(Call.walltime, -1);
    const before = Date.now();
    const { stdout } = rig.run(guest.print(at, 8).halt().build());
    const milliseconds = Number(new DataView(stdout.buffer).getBigUint64(0, true) / 1_000_000n);
    assert.ok(milliseconds >= before && milliseconds <= Date.now(), `${milliseconds} is not now`);
  });

  it("puts writes all bytes unchanged, and nothing for a length of 0", () => {
    const guest = new Guest();
    const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    guest.print(guest.data(all), 256).print(0x1234, 0);
    assert.deepEqual(rig.run(guest.halt().build()).stdout, all);
  });

  it("puts writes a megabyte at once", () => {
    const guest = new Guest();
    const at = guest.data([1]);
    const image = guest
      .print(at, 1 << 20)
      .halt()
      .build(({ data }) => {
        data.memsz = 2 << 20;
      });
    assert.equal(rig.run(image).stdout.length, 1 << 20);
  });

  it("poll waits for its timeout and finds nothing", () => {
    const guest = new Guest();
    const before = guest.call(Call.walltime, 0);
    const poll = guest.call(Call.poll, 50_000_000, -1, -1);
    const between = guest.call(Call.walltime, 0);
    const immediate = guest.call(Call.poll, 0, -1, -1);
    const shortest = guest.call(Call.poll, 1, -1, -1);
    const after = guest.call(Call.walltime, 0);
    for (const at of [before, between, after]) guest.print(at, 8);
    for (const at of [poll, immediate, shortest]) guest.print(at, 24);
    const { stdout } = rig.run(guest.halt().build());
    const values = new BigUint64Array(stdout.buffer, 0, 12);
    const [begin = 0n, middle = 0n, end = 0n] = values;
    const waited = Number(middle - begin) / 1e6;
    assert.ok(waited >= 50 && waited < 500, `${waited} ms`);
    assert.ok(Number(end - middle) / 1e6 < 200);
    for (const [index, timeout] of [50_000_000n, 0n, 1n].entries()) {
      assert.equal(values[3 + 3 * index], timeout, "the timeout stays");
      assert.equal(values[4 + 3 * index], 0n, "ready set");
      assert.equal(BigInt.asUintN(32, values[5 + 3 * index] ?? 1n), 0n, "count");
    }
  });

  it("halt gives the low byte of its status to the parent", () => {
    for (const [status, expected] of [
      [0, 0],
      [1, 1],
      [255, 255],
      [256, 0],
      [300, 44],
      [-1, 255],
      [-(2 ** 31), 0],
    ] as const) {
      assert.equal(rig.run(new Guest().halt(status).build()).status, expected, `status ${status}`);
    }
  });

  it("halt takes a cookie of 512 bytes", () => {
    const guest = new Guest();
    guest.call(Call.halt, 0x110000, 3);
    assert.equal(rig.run(guest.build()).status, 3);
  });

  it("halt refuses a cookie that is not within memory", () => {
    for (const cookie of [SIZE - 512, SIZE, 1n << 40n, -1, 1n << 63n]) {
      const guest = new Guest();
      guest.call(Call.halt, cookie, 3);
      dies(guest, /Invalid guest access: gpa=0x[0-9a-f]+, sz=512\n/);
    }
  });

  describe("addresses", () => {
    const sizes = { walltime: 8, puts: 16, poll: 24, halt: 16 } as const;
    for (const [name, size] of Object.entries(sizes)) {
      const number = Call[name as keyof typeof sizes];

      it(`${name} refuses a structure that touches the end of memory or lies behind it`, () => {
        for (const at of [SIZE - size, SIZE - size + 1, SIZE - 1, SIZE, 0xfffffff0, 0xffffffff]) {
          dies(
            new Guest().out(0x500 + number, at),
            new RegExp(`Invalid guest access: gpa=0x${at.toString(16)}, sz=${size}\n`),
          );
        }
      });
    }

    it("a structure may end one byte before the end of memory", () => {
      const guest = new Guest();
      guest.out(0x501, SIZE - 9).halt(5);
      assert.equal(rig.run(guest.build()).status, 5);
    });

    it("puts refuses a buffer that touches the end of memory, lies behind it, or wraps around", () => {
      const ranges: [bigint, bigint][] = [
        [BigInt(SIZE) - 1n, 1n],
        [BigInt(SIZE), 0n],
        [0x110000n, BigInt(SIZE) - 0x110000n],
        [0x110000n, 1n << 32n],
        [0x110000n, (1n << 64n) - 1n],
        [0x110000n, (1n << 64n) - 0x110000n],
        [1n << 32n, 1n],
        [(1n << 64n) - 1n, 2n],
        [(1n << 64n) - 0x1000n, 0x2000n],
        [1n << 63n, 1n << 63n],
      ];
      for (const [address, length] of ranges) {
        const guest = new Guest();
        guest.call(Call.puts, address, length);
        dies(guest, /Invalid guest access: gpa=0x/);
      }
    });

    it("puts takes a buffer that ends one byte before the end of memory, even an empty one", () => {
      const guest = new Guest();
      guest.print(SIZE - 2, 1).print(SIZE - 1, 0);
      const { stdout, status } = rig.run(guest.halt().build());
      assert.equal(status, 0);
      assert.equal(stdout.length, 1);
    });

    it("a result that would go into the program's code ends the tender", { skip: tender.own ? false : "ours" }, () => {
      dies(new Guest().out(0x501, 0x100000), /Invalid guest access: gpa=0x100000, sz=8\n/);
      dies(new Guest().out(0x503, 0x100000 - 20), /Invalid guest access/);
    });
  });

  describe("ports", () => {
    it("refuses every port that is no hypercall", () => {
      for (const port of [0, 0x4ff, 0x509, 0x50a, 0x5ff, 0x600, 0xffff]) {
        dies(new Guest().out(port, 0x110000), new RegExp(`Invalid guest port access: port=0x${port.toString(16)}\n`));
      }
    });

    it("refuses other sizes, and input", () => {
      const accesses = ["ee", "66ef", "ed", "66ed", "ec"]; // out of 1 and 2 bytes, in of 4, 2 and 1
      for (const code of accesses) {
        const guest = new Guest();
        const time = guest.data(new Uint8Array(16));
        guest
          .hex("ba01050000 b8")
          .hex(
            [...new Uint8Array(new Uint32Array([time]).buffer)].map((b) => b.toString(16).padStart(2, "0")).join(""),
          );
        dies(guest.hex(code), /Invalid guest port access: port=0x501\n/);
      }
    });

    it("refuses number 0, and hypercalls of devices that are not there", () => {
      for (const number of [0, 4, 5, 6, 7]) {
        dies(new Guest().out(0x500 + number, 0x110000), new RegExp(`Invalid guest hypercall: num=${number}\n`));
      }
    });
  });
}
