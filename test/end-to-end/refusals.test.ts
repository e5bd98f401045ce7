/** What is refused is refused with the documented text, and leaves nothing behind. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { deflateSync } from "node:zlib";
import { fromText } from "../../core/byte-string.ts";
import type { Command } from "../../core/wire/message.ts";
import { at, makeImage, patched, sectionHeader } from "../backends/synthetic-image.ts";
import { commandFrame, create, destroy, forceCreate, images, Machine, network, say, until } from "./harness.ts";

const machine = new Machine();
let kernels: Awaited<ReturnType<typeof images>>;

before(async () => {
  kernels = await images();
  await machine.start();
});
after(() => machine.close());

const endless = { words: ["sleep=1000"] } as const;

/** Sends each command and compares the answer and every trace on the host. */
async function refuses(cases: readonly (readonly [string, Command, string | RegExp])[]): Promise<void> {
  const clean = machine.traces();
  const told = JSON.stringify(await machine.info());
  for (const [name, command, text] of cases) {
    const answer = await machine.ask(name, command);
    if (typeof text === "string") assert.equal(answer, `refused: ${text}`);
    else assert.match(answer, text);
    assert.deepEqual(machine.traces(), clean, String(text));
  }
  assert.equal(JSON.stringify(await machine.info()), told);
}

describe("a create is refused", () => {
  it("by the policies of all levels", async () => {
    const bridge = machine.bridge();
    const policy = { unikernels: 2, cpuIds: [0], memory: 50, block: 4, bridges: [] };
    await machine.expect("foo:", { kind: "policy-add", policy }, "added policy");
    await machine.expect("foo:bar:", { kind: "policy-add", policy: { ...policy, memory: 40 } }, "added policy");
    const image = kernels["exit-code"];
    await machine.expect("foo:one", create(image, { ...endless, memory: 20 }), "created unikernel");
    await refuses([
      [
        "foo:two",
        create(image, { memory: 31 }),
        "maximum allowed memory (50, used 20) would be exceeded (requesting 31)",
      ],
      [
        "foo:bar:x",
        create(image, { memory: 41 }),
        "maximum allowed memory (40, used 0) would be exceeded (requesting 41)",
      ],
      [
        "foo:bar:x",
        create(image, { memory: 35 }),
        "maximum allowed memory (50, used 20) would be exceeded (requesting 35)",
      ],
      ["foo:two", create(image, { cpuIds: [0, 1] }), "CPUids 1 are not allowed by policy"],
      ["foo:deep:down:x", create(image, { cpuIds: [1] }), "CPUids 1 are not allowed by policy"],
      ["two", create(image, { cpuIds: [99] }), "CPUids 99 are not allowed by policy"],
      [
        "foo:net",
        create(kernels["net-echo"], { networks: [network("service", bridge)] }),
        `bridges ${bridge} not allowed by policy`,
      ],
      [
        "net",
        create(kernels["net-echo"], { networks: [network("service", fromText("nobridge"))] }),
        "bridges nobridge not allowed by policy",
      ],
      [
        "two",
        create(image, { memory: 2 ** 40 }),
        /^refused: maximum allowed memory \(\d+, used 20\) would be exceeded \(requesting 1099511627776\)$/,
      ],
      ["two", create(image, { memory: 0 }), /at least 1 MB/],
      ["two", create(image, { memory: -5 }), /at least 1 MB/],
      ["foo:one", create(image), "Unikernel with same name is already running"],
    ]);
    await machine.expect("foo:bar:two", create(image, { ...endless, memory: 16 }), "created unikernel");
    await refuses([["foo:three", create(image), "maximum amount of unikernels (2) reached"]]);
    await machine.expect("foo:one", destroy, "destroyed unikernel");
    await machine.expect("foo:bar:two", destroy, "destroyed unikernel");
    machine.removeBridge(bridge);
    // A policy may allow a bridge that does not exist.
    const lax = { unikernels: 2, cpuIds: [0], memory: 50, block: 4, bridges: [bridge] };
    await machine.expect(":", { kind: "policy-remove" }, "removed policy");
    await machine.expect("net:", { kind: "policy-add", policy: lax }, "added policy");
    const networks = [network("service", bridge)];
    await refuses([
      ["net:x", create(kernels["net-echo"], { networks }), `interface ${bridge} does not exist`],
      [
        "net:x",
        create(kernels["net-echo"], { networks: [network("service", fromText("lo"))] }),
        "bridges lo not allowed by policy",
      ],
      [
        "x",
        create(kernels["net-echo"], { networks: [network("service", fromText("lo"))] }),
        "interface lo is not a bridge",
      ],
      [
        "x",
        create(kernels["net-echo"], { networks: [network("service", fromText("-evil"))] }),
        "interface -evil does not exist",
      ],
    ]);
  });

  it("for its image", async () => {
    const good = kernels["exit-code"];
    const machineWord = 0x12;
    const made = (options: Parameters<typeof makeImage>[0] = {}) => patched(makeImage(options), machineWord, 62);
    const elf = "error during ELF parsing";
    const missing = "manifest not found";
    const word = (value: number) =>
      [value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >>> 24) & 255] as const;
    const devices = [{ name: "service", type: 2 }];
    const compressed = (bytes: Uint8Array): Command => {
      const command = create(bytes);
      assert.ok(command.kind === "unikernel-create");
      return { ...command, config: { ...command.config, compressed: true } };
    };
    const bad = (bytes: Uint8Array, text: string | RegExp) => ["bad", create(bytes), text] as const;
    const packed = deflateSync(good);
    await refuses([
      bad(new Uint8Array(), elf),
      bad(new Uint8Array([0x7f, 0x45, 0x4c, 0x46]), elf),
      bad(new Uint8Array(5000), elf),
      bad(good.subarray(0, 63), elf),
      bad(good.subarray(0, good.length - 1), /^refused: (error during ELF parsing|manifest not found)$/),
      bad(good.subarray(0, 1000), /^refused: (error during ELF parsing|manifest not found)$/),
      bad(patched(good, 4, 1), elf),
      bad(patched(good, 5, 3), elf),
      bad(patched(good, 9, 1), elf),
      bad(patched(good, 0x28, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f), elf),
      bad(patched(made(), sectionHeader(made(), 2), 0, 0, 0, 0), missing),
      bad(patched(made(), at.manifestNote + 8, 0), missing),
      bad(patched(made(), at.abiNote + 12, 0x58), missing),
      bad(made({ target: 3 }), /^refused: unsupported solo5 target virtio/),
      bad(made({ target: 9 }), "unknown abi target: 9"),
      bad(patched(made(), at.abiDescriptor + 8, 1), "non-zero reserved0"),
      bad(patched(made(), at.abiDescriptor + 12, 1), "non-zero reserved1"),
      bad(patched(made(), at.manifest, ...word(2)), "unsupported manifest version"),
      bad(patched(made(), at.manifest + 4, ...word(0)), "zero manifest entries"),
      bad(patched(made(), at.manifest + 4, ...word(65)), "too many manifest entries"),
      bad(patched(made(), at.manifest + 4, ...word(2)), "unexpected note size"),
      bad(patched(made(), at.entry(0) + 68, ...word(1)), "expected RESERVED_FIRST"),
      bad(
        patched(made({ devices: [{ name: "", type: 2 }] }), at.entry(1) + 68, ...word(0x4000_0000)),
        "found RESERVED_FIRST not as first entry",
      ),
      bad(patched(made({ devices }), at.entry(1), ...new Uint8Array(68).fill(0x61)), "unterminated device name"),
      bad(patched(made({ devices }), at.entry(1) + 72, 1), "non-zero mft_entry.u"),
      bad(patched(made({ devices }), at.entry(1) + 88, 1), "non-zero mft_entry.b"),
      bad(patched(made({ devices }), at.entry(1) + 96, 1), "non-zero mft_entry.attached"),
      bad(patched(made({ devices }), at.entry(1) + 68, ...word(7)), "unknown manifest entry type: 7"),
      bad(
        made({ devices }),
        'specified bridge(s) does not match with the manifest. Devices present in manifest: net "service"',
      ),
      bad(
        made({ devices: [{ name: "storage", type: 1 }] }),
        'specified block device(s) does not match with manifest. Devices present in manifest: block "storage"',
      ),
      bad(made({ version: 77 }), /ABI version 77|tender does not exist/),
      ["bad", compressed(packed.subarray(0, packed.length - 10)), /^refused: failed to uncompress: /],
      ["bad", compressed(good), /^refused: failed to uncompress: /],
      ["bad", compressed(new Uint8Array()), /^refused: (failed to uncompress: |error during ELF parsing)/],
      ["bad", compressed(patched(packed, 100, 1, 2, 3, 4, 5)), /^refused: failed to uncompress: /],
      ["bad", forceCreate(new Uint8Array(7)), elf],
    ]);
  });

  it("for its name or a policy, if its image is none, either", async () => {
    const policy = { unikernels: 2, cpuIds: [0], memory: 50, block: 4, bridges: [] };
    await machine.expect("tight:", { kind: "policy-add", policy }, "added policy");
    await machine.expect("tight:here", create(kernels["exit-code"], endless), "created unikernel");
    const broken = (kind: "unikernel-create" | "unikernel-force-create", memory: number): Command => {
      const command = create(new Uint8Array(9), { memory });
      assert.ok(command.kind === "unikernel-create");
      return { kind, config: { ...command.config, compressed: true } };
    };
    await refuses([
      ["tight:here", broken("unikernel-create", 16), "Unikernel with same name is already running"],
      ["tight:other", broken("unikernel-create", 35), /^refused: maximum allowed memory /],
      ["tight:here", broken("unikernel-force-create", 51), /^refused: maximum allowed memory /],
      ["tight:here", broken("unikernel-force-create", 50), /^refused: failed to uncompress: /],
    ]);
    await machine.expect("tight:here", destroy, "destroyed unikernel");
  });

  it("for its block devices", async () => {
    await machine.expect("disk", { kind: "block-add", size: 1 }, "added block device");
    const device = (name: string, file = name) => ({
      name: fromText(name),
      device: fromText(file),
      sectorSize: undefined,
    });
    const image = kernels["block-check"];
    await refuses([
      [
        "x",
        create(image, { blockDevices: [device("storage", "nodisk")] }),
        "block device [unikernel: :nodisk] not found",
      ],
      [
        "foo:x",
        create(image, { blockDevices: [device("storage", "disk")] }),
        "block device [unikernel: foo:disk] not found",
      ],
      ["x", create(image, { blockDevices: [device("storage", "../run")] }), "block device ../run not found"],
      [
        "x",
        create(image, { blockDevices: [device("a", "disk"), device("b", "disk")] }),
        "block device [unikernel: :disk] already in use",
      ],
      [
        "x",
        create(image, { blockDevices: [device("other", "disk")] }),
        'specified block device(s) does not match with manifest. Devices present in manifest: block "storage"',
      ],
      ["x", create(image, { blockDevices: [{ ...device("storage", "disk"), sectorSize: 513 }] }), /powers of two/],
      ["disk", { kind: "block-add", size: 1 }, "block device with same name already exists"],
      [
        "big",
        { kind: "block-add", size: 2 ** 50 },
        /^refused: (block device policy limit|overflow while computing bytes)/,
      ],
      ["zero", { kind: "block-add", size: 0 }, "overflow while computing bytes"],
      ["minus", { kind: "block-add", size: -1 }, "overflow while computing bytes"],
      [
        "foo:big",
        { kind: "block-add", size: 5 },
        "block device policy limit of 4 MB (used 0 MB) would be exceeded by the request (5 MB)",
      ],
      ["nodisk", { kind: "block-remove" }, "remove block: not found"],
    ]);
    await machine.expect("disk", { kind: "block-remove" }, "removed block");
  });

  it("where the host has no place for it", async () => {
    const fifo = join(machine.tmpdir, "fifo", ":taken");
    writeFileSync(fifo, "");
    const link = join(machine.tmpdir, ":taken2.img");
    mkdirSync(link);
    await refuses([
      ["taken", create(kernels["exit-code"]), /^refused: .*file .*:taken exists and is not a fifo$/],
      ["taken2", create(kernels["exit-code"]), /^refused: could not create unikernel: /],
      ["taken3:", create(kernels["exit-code"]), /^refused: create: .* is a path, not the name of a unikernel/],
    ]);
    rmSync(fifo);
    rmSync(link, { recursive: true });
  });

  it("whose name is too long for the names of its files", async () => {
    const [label, longest] = ["a".repeat(63), 251];
    const path = `${label}:${label}:${label}:`;
    const name = (length: number) => path + "b".repeat(length - path.length);
    await machine.expect(name(longest), create(kernels["exit-code"], endless), "created unikernel");
    await machine.expect(name(longest), destroy, "destroyed unikernel");
    const tooLong = /^refused: Cannot create a unikernel with a name of \d+ characters: the most is 251, /;
    await refuses([
      [name(longest + 1), create(kernels["exit-code"]), tooLong],
      [`${"a:".repeat(5000)}b`, create(kernels["exit-code"]), tooLong],
    ]);
  });

  it("if nothing on this host runs its kind", async () => {
    const given = create(new Uint8Array());
    assert.ok(given.kind === "unikernel-create");
    for (const image of [new Uint8Array(), new Uint8Array(200_000)]) {
      const command: Command = { ...given, config: { ...given.config, type: "bhyve", image } };
      await refuses([["vm", command, /^refused: .*bhyve/]]);
    }
  });

  it("for its arguments, if they cannot be passed on", async () => {
    await refuses([
      ["x", create(kernels["args"], { words: ["a".repeat(8192)] }), /^refused: Cannot pass 8192 bytes of arguments/],
      ["x", create(kernels["args"], { words: ["a\0b"] }), /^refused: Cannot pass the argument/],
    ]);
  });

  it("if its tender is none, or of another version", async () => {
    await Machine.with(async (other) => {
      const tender = join(other.directory, "tender");
      writeFileSync(tender, '#!/bin/sh\necho "ABI version 3"\n', { mode: 0o755 });
      await other.start({ flags: [`--tender=${tender}`] });
      const answer = await other.ask("x", create(kernels["hello"]));
      assert.match(
        answer,
        /^refused: unexpected solo5 tender --version output, expected one line with 'ABI version 2'/,
      );
      rmSync(tender);
      assert.match(await other.ask("x", create(kernels["hello"])), /^refused: .*tender/);
      assert.deepEqual(other.traces(), []);
    });
  });

  it("if no console daemon is there", async () => {
    await Machine.with(async (other) => {
      const daemon = await other.startDaemon();
      await daemon.logged("no console daemon yet");
      const networks = [network("service", other.bridge())];
      const answer = await other.ask("x", create(kernels["net-echo"], { networks }));
      assert.equal(answer, "refused: could not create unikernel: console failed");
      assert.deepEqual(other.traces(), []);
      await other.startConsole();
      await other.expect("x", create(kernels["net-echo"], { networks }), "created unikernel");
    });
  });
});

describe("a malformed frame", () => {
  it("of any kind closes its own connection only", async () => {
    const steady = await machine.connect();
    const clean = machine.traces();
    const frame = commandFrame("x", create(kernels["exit-code"], endless));
    const wrongVersion = frame.slice();
    const version = wrongVersion.indexOf(5, 4);
    wrongVersion[version] = 6;
    const bad: Uint8Array[] = [
      Uint8Array.of(0, 0, 0, 3, 1, 2, 3),
      Uint8Array.of(0x7f, 0xff, 0xff, 0xff, 0),
      Uint8Array.of(0x30, 0, 0, 0, ...new Uint8Array(100_000).fill(0x30)),
      Uint8Array.of(0, 0, 0, 0),
      Uint8Array.of(0xff, 0xff, 0xff, 0xff),
      wrongVersion,
      patched(frame, frame.length - 3, 0xff, 0xff, 0xff),
      patched(frame, 4, 0x31),
      patched(frame, 10, 0xff),
    ];
    for (const bytes of bad) {
      const wire = await machine.connect();
      wire.send(bytes);
      await wire.gone();
      assert.deepEqual(wire.frames, []);
    }
    await until("the parts of images are removed", () => machine.traces().length === clean.length);
    steady.send(commandFrame("x", { kind: "unikernel-info" }));
    await steady.frame(0);
    const wrong = await machine.ask("x", { kind: "console-inactive" });
    assert.equal(wrong, "refused: unknown command");
  });

  it("in the middle of an image leaves no part of it", async () => {
    const uploads = () => readdirSync(join(machine.dbdir, "images"));
    const before = uploads();
    assert.deepEqual(before, []);
    const big = new Uint8Array(8 * 2 ** 20).map((_, index) => index);
    const frame = commandFrame("x", create(big));
    for (const part of [0.01, 0.3, 0.9]) {
      const wire = await machine.connect();
      wire.send(frame.subarray(0, Math.floor(frame.length * part)));
      await until("a part is on the disk", () => uploads().length > before.length);
      wire.close();
      await until("it is removed", () => uploads().length === before.length);
    }
    assert.equal(say((await machine.converse("x", create(big)))[0]), "refused: error during ELF parsing");
    assert.deepEqual(uploads(), before);
  });
});
