/**
 * Networks, over two real taps in a bridge, both of them the guest's.
 *
 * @module
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, it } from "node:test";
import { TapPair } from "../tap-pair.ts";
import type { TenderUnderTest } from "./cpu-conformance.ts";
import { Call, Guest } from "./guest-image.ts";
import { ended, firstOutput, type TenderRig } from "./tender-process.ts";

const MANIFEST = 0x10038;
/** An ether type for experiments: the kernel sends other frames on its own. */
const ETHER_TYPE = [0x88, 0xb5] as const;
const ECHO_MAC = [0x02, 0x80, 0x41, 0x01, 0x02, 0x03] as const;
const SENDER_MAC = [0x02, 0x80, 0x41, 0x09, 0x09, 0x09] as const;

const devices = [
  { name: "service0", type: 2 },
  { name: "service1", type: 2 },
];

/** A frame of a length. */
function frame(to: readonly number[], from: readonly number[], length: number): Uint8Array {
  const bytes = Uint8Array.from({ length }, (_, at) => at & 0xff);
  bytes.set([...to, ...from, ...ETHER_TYPE]);
  return bytes;
}

/** Registers the tests. */
export function testNetworks(_tender: TenderUnderTest, rig: TenderRig): void {
  const skip = TapPair.unavailable() ?? false;
  let taps: TapPair | undefined;
  before(() => {
    if (skip === false) taps = new TapPair();
  });
  after(() => taps?.close());
  const options = (macs = true): string[] => {
    const [first = "", second = ""] = taps?.names ?? [];
    return [
      `--net:service0=${first}`,
      `--net:service1=${second}`,
      ...(macs ? ["--net-mac:service0=02:80:41:01:02:03", "--net-mac:service1=2:80:41:9:9:9"] : []),
    ];
  };

  it("tells MAC address and MTU in the manifest", { skip }, () => {
    const image = new Guest(devices)
      .print(MANIFEST + 8 + 104, 208)
      .halt()
      .build();
    execFileSync("ip", ["link", "set", taps?.names[1] ?? "", "mtu", "1400"]);
    try {
      const { stdout, stderr } = rig.run(image, options());
      assert.deepEqual([...stdout.subarray(72, 80)], [...ECHO_MAC, 1500 & 0xff, 1500 >> 8], stderr);
      assert.deepEqual([...stdout.subarray(104 + 72, 104 + 80)], [...SENDER_MAC, 1400 & 0xff, 1400 >> 8]);
      assert.deepEqual([stdout[96], stdout[104 + 96]], [1, 1], "attached");
    } finally {
      execFileSync("ip", ["link", "set", taps?.names[1] ?? "", "mtu", "1500"]);
    }
  });

  it("makes up a local MAC address, another one each time", { skip }, () => {
    const image = new Guest(devices)
      .print(MANIFEST + 8 + 104 + 72, 6)
      .halt()
      .build();
    const macs = [1, 2].map(() => [...rig.run(image, options(false)).stdout]);
    assert.notDeepEqual(macs[0], macs[1]);
    for (const [first = 0] of macs) assert.equal(first & 3, 2);
  });

  it("gives each handle its result: nothing there, wrong handle", { skip }, () => {
    const guest = new Guest([...devices].reverse());
    const wrong = [0, 3, -1].flatMap((handle) => [
      guest.call(Call.netRead, handle, 0x400000, 2048, -1),
      guest.call(Call.netWrite, handle, 0x400000, 60, -1),
    ]);
    for (const at of wrong) guest.print(at + 24, 4);
    const drained = guest.here; // the kernel may have sent something on its own
    const read = guest.call(Call.netRead, 1, 0x400000, 2048, -1);
    guest.jumpUnless32(read + 24, 1, drained);
    guest.print(read + 24, 4);
    const { stdout, status, stderr } = rig.run(guest.halt().build(), options());
    assert.equal(status, 0, stderr);
    assert.deepEqual([...new Int32Array(stdout.buffer, 0, 7)], [2, 2, 2, 2, 2, 2, 1]);
  });

  /** Waits for a frame of our type on a handle; gives the structure of the successful read. */
  const receive = (guest: Guest, handle: number, buffer: number, capacity: number) => {
    const again = guest.here;
    const poll = guest.call(Call.poll, 10_000_000_000, 0, 0);
    const read = guest.structure(handle, buffer, capacity, -1);
    guest.store64(read + 16, capacity).out(0x500 + Call.netRead, read);
    guest.jumpUnless32(read + 24, 0, again);
    guest.hex("66813c25"); // cmp word [buffer + 12], ether type
    guest.hex(
      [...new Uint8Array(new Uint32Array([buffer + 12]).buffer)].map((b) => b.toString(16).padStart(2, "0")).join(""),
    );
    guest.hex("88b5 0f84 05000000").jump(again); // je over the jump
    return { poll, read };
  };

  it("carries frames of all lengths between two networks, and says which one is ready", { skip }, () => {
    const lengths = [14, 60, 100, 1514];
    const guest = new Guest(devices);
    const buffer = 0x400000;
    for (const length of lengths) {
      const sent = guest.data(frame(ECHO_MAC, SENDER_MAC, length));
      const write = guest.call(Call.netWrite, 2, sent, length, -1);
      const { poll, read } = receive(guest, 1, buffer, 2048);
      guest
        .print(write + 24, 4)
        .print(poll + 8, 12)
        .print(read + 16, 12)
        .print(buffer, 64);
    }
    const { stdout, status, stderr } = rig.run(guest.halt().build(), options());
    assert.equal(status, 0, stderr);
    const view = new DataView(stdout.buffer);
    for (const [index, length] of lengths.entries()) {
      const at = 92 * index;
      assert.equal(view.getInt32(at, true), 0, "written");
      assert.equal(view.getUint32(at + 4, true) & 2, 2, "handle 1 is in the ready set");
      assert.ok(view.getInt32(at + 12, true) >= 1, "count");
      assert.equal(view.getUint32(at + 16, true), length);
      assert.equal(view.getInt32(at + 24, true), 0);
      const expected = frame(ECHO_MAC, SENDER_MAC, 1514).subarray(0, Math.min(64, length));
      assert.deepEqual(stdout.slice(at + 28, at + 28 + expected.length), expected.slice());
    }
  });

  it("cuts a frame that is longer than the buffer", { skip }, () => {
    const guest = new Guest(devices);
    guest.call(Call.netWrite, 2, guest.data(frame(ECHO_MAC, SENDER_MAC, 200)), 200, -1);
    const { read } = receive(guest, 1, 0x400000, 20);
    guest.print(read + 16, 8).print(0x400000, 24);
    const { stdout, stderr } = rig.run(guest.halt().build(), options());
    assert.equal(new DataView(stdout.buffer).getBigUint64(0, true), 20n, stderr);
    assert.deepEqual(stdout.slice(8 + 18), Uint8Array.from([18, 19, 0, 0, 0, 0]));
  });

  it("has nothing for a buffer without room", { skip }, () => {
    const guest = new Guest(devices);
    guest.call(Call.netWrite, 2, guest.data(frame(ECHO_MAC, SENDER_MAC, 60)), 60, -1);
    const poll = guest.call(Call.poll, 10_000_000_000, 0, 0);
    const read = guest.call(Call.netRead, 1, 0x400000, 0, -1);
    guest.print(poll + 8, 8).print(read + 16, 12);
    const { stdout, stderr } = rig.run(guest.halt().build(), options());
    const view = new DataView(stdout.buffer);
    assert.equal(view.getUint32(0, true) & 2, 2, stderr);
    assert.equal(view.getBigUint64(8, true), 0n);
    assert.equal(view.getInt32(16, true), 1);
  });

  it("a frame the tap refuses ends the tender", { skip }, () => {
    for (const length of [0, 1, 13]) {
      const guest = new Guest(devices);
      guest.call(Call.netWrite, 1, 0x400000, length, -1);
      const { status, stderr } = rig.run(guest.halt(7).build(), options());
      assert.equal(status, 1, `length ${length}`);
      assert.match(stderr, /Fatal error when writing: |Invalid argument|rite/);
    }
  });

  it("buffers outside of memory end the tender", { skip }, () => {
    for (const [call, address, length] of [
      [Call.netRead, (16 << 20) - 64, 64],
      [Call.netRead, 0x400000, -1],
      [Call.netWrite, 1n << 32n, 60],
      [Call.netWrite, -30, 60],
    ] as const) {
      const guest = new Guest(devices);
      guest.call(call, 1, address, length, -1);
      const { status, stderr } = rig.run(guest.halt(7).build(), options());
      assert.equal(status, 1);
      assert.match(stderr, /Invalid guest access: gpa=0x/);
    }
  });

  it("an interface that goes down ends the tender when the guest sends", { skip }, async () => {
    const guest = new Guest(devices);
    guest.print(guest.data([0x2e]), 1);
    const sent = guest.data(frame(ECHO_MAC, SENDER_MAC, 60));
    const again = guest.here;
    guest.call(Call.netWrite, 1, sent, 60, -1);
    guest.call(Call.poll, 1_000_000, 0, 0);
    const child = rig.start(guest.jump(again).build(), options());
    const end = ended(child);
    await firstOutput(child);
    execFileSync("ip", ["link", "set", taps?.names[0] ?? "", "down"]);
    try {
      assert.deepEqual(await end, { status: 1, signal: null });
    } finally {
      execFileSync("ip", ["link", "set", taps?.names[0] ?? "", "up"]);
    }
  });

  it("refuses interfaces that do not exist, are down, are no taps, or are in use", { skip }, async () => {
    const image = new Guest([{ name: "service0", type: 2 }]).halt().build();
    const attach = (name: string) => rig.run(image, [`--net:service0=${name}`]);
    const check = (name: string, reason: string) => {
      const { status, stderr } = attach(name);
      assert.equal(status, 1);
      assert.match(stderr, new RegExp(`Could not attach interface: ${name}: ${reason}\n`));
      assert.match(stderr, new RegExp(`Invalid option: \`--net:service0=${name}'\nusage: `.replace("\n", "[^]")));
    };
    check("doesnotexist", "No such file or directory");
    check("sixteencharacter", "File name too long");
    check("lo", "Invalid argument");
    const [first = ""] = taps?.names ?? [];
    execFileSync("ip", ["link", "set", first, "down"]);
    check(first, "Network is down");
    execFileSync("ip", ["link", "set", first, "up"]);
    const spin = new Guest([{ name: "service0", type: 2 }]);
    spin.print(spin.data([0x2e]), 1);
    const again = spin.here;
    spin.call(Call.poll, 1_000_000_000, 0, 0);
    const child = rig.start(spin.jump(again).build(), [`--net:service0=${first}`]);
    const end = ended(child);
    await firstOutput(child);
    try {
      check(first, "Device or resource busy");
    } finally {
      child.kill("SIGKILL");
      await end;
    }
  });
}
