/**
 * The state a guest starts in.
 *
 * @module
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import type { TenderUnderTest } from "./cpu-conformance.ts";
import { Guest } from "./guest-image.ts";
import type { TenderRig } from "./tender-process.ts";

const MEGABYTE = 0x100000;
const BOOT_INFO = 0x10000;
const BOOT_INFO_SIZE = 56;
const MANIFEST = BOOT_INFO + BOOT_INFO_SIZE;

/** A guest that prints memory and ends. */
function printer(address: number, length: number): Uint8Array {
  return new Guest().print(address, length).halt().build();
}

/** Registers the tests. */
export function testStart(_tender: TenderUnderTest, rig: TenderRig): void {
  it("gives the registers their documented values", () => {
    const guest = new Guest();
    const names = "rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15".split(" ");
    const table = guest.data(new Uint8Array(8 * 32));
    for (const index of names.keys()) guest.storeRegister(index, table + 8 * index);
    guest.hex("9c 58").storeRegister(0, table + 8 * 16); // pushf; pop rax
    guest.hex("0f20c0").storeRegister(0, table + 8 * 17); // mov rax, cr0
    guest.hex("0f20d8").storeRegister(0, table + 8 * 18); // mov rax, cr3
    guest.hex("0f20e0").storeRegister(0, table + 8 * 19); // mov rax, cr4
    guest.hex("b9800000c0 0f32").storeRegister(0, table + 8 * 20); // mov ecx, EFER; rdmsr
    for (const [index, move] of ["8cc8", "8cd0", "8cd8", "8cc0", "8ce0", "8ce8"].entries()) {
      guest.hex(move).storeRegister(0, table + 8 * (21 + index)); // mov eax, segment
    }
    const { stdout, status } = rig.run(
      guest
        .print(table, 8 * 27)
        .halt()
        .build(),
    );
    assert.equal(status, 0);
    const values = new BigUint64Array(stdout.buffer, 0, 27);
    for (const [index, name] of names.entries()) {
      const expected = name === "rdi" ? BOOT_INFO : name === "rsp" ? 16 * MEGABYTE - 8 : 0;
      assert.equal(values[index], BigInt(expected), name);
    }
    assert.equal(values[16], 2n, "flags");
    assert.equal(values[17], 0x80010021n, "cr0");
    assert.equal(values[18], 0x2000n, "cr3");
    assert.equal(values[19], 0x620n, "cr4");
    assert.equal(values[20], 0x500n, "efer");
    assert.deepEqual([...values.subarray(21)], [8n, 16n, 16n, 16n, 16n, 16n], "segments");
  });

  it("tells memory size, end of the image, clock frequency and where command line and manifest are", () => {
    const { stdout } = rig.run(printer(BOOT_INFO, BOOT_INFO_SIZE + 112 + 4), ["--mem=32"], ["a", "b", "c d"]);
    const view = new DataView(stdout.buffer);
    assert.equal(view.getBigUint64(0, true), BigInt(32 * MEGABYTE));
    assert.equal(view.getBigUint64(8, true), 0x121000n);
    const frequency = view.getBigUint64(16, true);
    assert.ok(frequency > 100_000_000n && frequency < 20_000_000_000n, `${frequency} Hz`);
    assert.equal(view.getBigUint64(24, true), BigInt(MANIFEST + 8 + 104));
    assert.equal(view.getBigUint64(32, true), BigInt(MANIFEST));
    assert.equal(view.getBigUint64(40, true), 0n, "features");
    assert.equal(view.getBigUint64(48, true), 0n, "ring");
    const manifest = stdout.subarray(BOOT_INFO_SIZE);
    assert.deepEqual([...manifest.subarray(0, 8)], [1, 0, 0, 0, 1, 0, 0, 0]);
    assert.equal(new DataView(stdout.buffer).getUint32(BOOT_INFO_SIZE + 8 + 68, true), 0x40000000);
    assert.equal(new TextDecoder().decode(manifest.subarray(112)), "a b ");
  });

  it("lays out descriptors and page tables: an identity map of exactly the guest's memory", () => {
    const { stdout } = rig.run(printer(0x1000, 0x8000));
    const entries = new BigUint64Array(stdout.buffer, 0, 0x1000);
    const touched = 0x60n; // the processor marks what it used
    const entry = (address: number) => (entries[(address - 0x1000) / 8] ?? 0n) & ~touched;
    const expected = new Map<number, bigint>([
      [0x1008, 0x00af99000000ffffn & ~touched],
      [0x1010, 0x00cf93000000ffffn & ~touched],
      [0x2000, 0x3003n],
      [0x3000, 0x4003n],
      [0x3008, 0x5003n],
      [0x3010, 0x6003n],
      [0x3018, 0x7003n],
      [0x4000, 0x8003n],
    ]);
    for (let index = 1; index < 8; index++) expected.set(0x4000 + 8 * index, BigInt(index * 0x200000 + 0x83));
    for (let page = 16; page < 512; page++) {
      expected.set(0x8000 + 8 * page, BigInt(page * 0x1000 + (page < 256 ? 1 : 3)));
    }
    for (let address = 0x1000; address < 0x9000; address += 8) {
      assert.equal(entry(address), expected.get(address) ?? 0n, `at 0x${address.toString(16)}`);
    }
  });

  it("joins the command line with single blanks and terminates it", () => {
    const { stdout } = rig.run(printer(MANIFEST + 112, 17), [], ["--name=x", "-- y", "ä"]);
    assert.equal(new TextDecoder().decode(stdout), "--name=x -- y ä\0");
    assert.equal(rig.run(printer(MANIFEST + 112, 1)).stdout[0], 0);
  });

  it("takes a command line of 8191 bytes and refuses one of 8192", () => {
    const image = printer(MANIFEST + 112, 8192);
    const longest = rig.run(image, [], ["x".repeat(8190 - 95), "y".repeat(95)]);
    assert.equal(new TextDecoder().decode(longest.stdout), `${"x".repeat(8190 - 95)} ${"y".repeat(95)}\0`);
    const tooLong = rig.run(image, [], ["x".repeat(8192)]);
    assert.equal(tooLong.status, 1);
    assert.match(tooLong.stderr, /: Guest command line too long \(max=8191 characters\)\n$/);
  });

  it("rounds memory down to units of 2 MiB, at least one", () => {
    for (const [option, megabytes] of [
      ["1", 2],
      ["2", 2],
      ["3", 2],
      ["5x", 4],
      ["4096", 4096],
    ] as const) {
      const { stdout, status, stderr } = rig.run(printer(BOOT_INFO, 8), [`--mem=${option}`]);
      assert.equal(status, 0, stderr);
      assert.equal(new DataView(stdout.buffer).getBigUint64(0, true), BigInt(megabytes * MEGABYTE));
      assert.equal(/adjusting memory to \d+ bytes/.test(stderr), Number.parseInt(option, 10) !== megabytes);
    }
  });

  it("gives memory that is zero, up to the last byte of a segment and of all memory", () => {
    const guest = new Guest();
    const data = guest.data([7]);
    guest.print(data, 1).print(data + 0x3000, 64);
    guest.hex("488b0424").storeRegister(0, data + 0x10); // mov rax, [rsp]: the last 8 bytes of memory
    guest.print(data + 0x10, 8);
    const image = guest.halt().build(({ data: segment }) => {
      segment.memsz = 0x4000;
    });
    const { stdout, status } = rig.run(image);
    assert.equal(status, 0);
    assert.deepEqual([...stdout], [7, ...new Array<number>(72).fill(0)]);
  });

  it("runs a time stamp counter of the frequency it tells", () => {
    const guest = new Guest();
    const before = guest.call(1, 0);
    const ticks = guest.data(new Uint8Array(16));
    const readTicks = (address: number) => guest.hex("0f31 48c1e220 4809d0").storeRegister(0, address); // rdtsc to rax
    readTicks(ticks);
    guest.call(3, 100_000_000, 0, 0);
    readTicks(ticks + 8);
    const after = guest.call(1, 0);
    guest
      .print(before, 8)
      .print(after, 8)
      .print(ticks, 16)
      .print(BOOT_INFO + 16, 8);
    const { stdout } = rig.run(guest.halt().build());
    const [begin = 0n, end = 0n, first = 0n, last = 0n, frequency = 0n] = new BigUint64Array(stdout.buffer, 0, 5);
    const byClock = Number(end - begin) / 1e9;
    const byTicks = Number(last - first) / Number(frequency);
    assert.ok(byTicks > 0.0999 && Math.abs(byTicks / byClock - 1) < 0.02, `${byTicks} s of ${byClock} s`);
  });
}
