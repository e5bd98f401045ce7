/** Guests that hand over random structures: each ends in an orderly way, whatever the values are. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { Call, Guest } from "./guest-image.ts";
import { builtInTender, TenderRig } from "./tender-process.ts";

const SIZE = 2 << 20;
const CAPACITY = 64 << 10;
const GUESTS = 40;
const CALLS = 12;

const interesting: readonly bigint[] = [
  0n,
  1n,
  2n,
  511n,
  512n,
  4096n,
  BigInt(CAPACITY - 512),
  BigInt(CAPACITY),
  0x2000n,
  0x10000n,
  0xfffffn,
  0x100000n,
  0x120000n,
  0x180000n,
  BigInt(SIZE - 512),
  BigInt(SIZE - 1),
  BigInt(SIZE),
  (1n << 31n) - 1n,
  1n << 31n,
  (1n << 32n) - 1n,
  1n << 32n,
  (1n << 53n) - 1n,
  (1n << 53n) + 1n,
  (1n << 63n) - 1n,
  1n << 63n,
  (1n << 64n) - 512n,
  (1n << 64n) - 1n,
];

/** A sequence of numbers that is the same in every run. */
function sequence(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 0x1_0000_0000) * limit);
  };
}

function hostileGuest(seed: number): Uint8Array {
  const random = sequence(seed);
  const value = () => interesting[random(interesting.length)] ?? 0n;
  const small = () => interesting[random(12)] ?? 0n;
  const guest = new Guest([{ name: "storage", type: 1 }]);
  for (let count = 0; count < CALLS; count++) {
    const call = [Call.walltime, Call.puts, Call.poll, Call.blockWrite, Call.blockRead][random(5)] ?? Call.puts;
    const any = random(3) === 0 ? value : small;
    // Waiting is the guest's right, so that only short waits are tried here.
    const at =
      call === Call.poll
        ? guest.structure(random(1000), value(), value())
        : guest.structure(call === Call.puts ? any() : 1, any(), any(), any(), any());
    guest.out(0x500 + call, random(12) === 0 ? Number(BigInt.asUintN(32, value())) : at);
  }
  guest.call(Call.halt, random(4) === 0 ? value() : 0, 5);
  return guest.build();
}

for (const cpu of ["kvm", "unicorn"]) {
  describe(`hostile guests with --cpu=${cpu}`, () => {
    const rig = new TenderRig([...builtInTender, `--cpu=${cpu}`]);
    after(() => rig.close());
    const disk = join(rig.directory, "disk");
    const probe = rig.run(new Guest().halt().build());
    const skip = probe.status === 0 ? false : probe.stderr;

    it(`end with status 1 or their own, and without a stack trace`, { skip }, () => {
      const statuses = new Set<number | null>();
      for (let seed = 1; seed <= GUESTS; seed++) {
        writeFileSync(disk, new Uint8Array(CAPACITY));
        const { status, signal, stderr } = rig.run(hostileGuest(seed), ["--mem=2", `--block:storage=${disk}`]);
        assert.equal(signal, null, `guest ${seed}: ${stderr}`);
        assert.ok(status === 1 || status === 5, `guest ${seed}: status ${status}: ${stderr}`);
        assert.match(stderr, /^((albatross tender: |Fatal error when ).*\n)*$/, `guest ${seed}`);
        statuses.add(status);
      }
      assert.deepEqual(statuses, new Set([1, 5]), "both kinds of ends occur");
    });
  });
}
