import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inspectImage } from "../../backends/image.ts";
import { COMMAND_LINE_LIMIT, checkSolo5, guestArguments, HVT_MEMORY_LIMIT } from "../../backends/solo5-checks.ts";
import { fromBytes, fromText } from "../../core/byte-string.ts";
import type { UnikernelArguments } from "../../core/unikernel.ts";
import { makeImage, patched } from "./synthetic-image.ts";

const plain: UnikernelArguments = {
  failBehaviour: { kind: "quit" },
  startup: undefined,
  addName: true,
  cpuIds: [],
  memory: 32,
  blockDevices: [],
  networks: [],
  arguments: undefined,
  cpus: 1,
  linuxBootPartition: undefined,
};

const machine = process.arch === "arm64" ? 183 : 62;
const build = (...devices: { name: string; type: number }[]) => patched(makeImage({ devices }), 0x12, machine);
const image = inspectImage(build());

function check(changes: Partial<UnikernelArguments>, described = image, nameArgument?: string): void {
  checkSolo5({ arguments: { ...plain, ...changes }, image: described, nameArgument }, described);
}

describe("what is checked before a tender is started", () => {
  it("is nothing to complain about for a plain unikernel", () => check({}));

  it("is that there is memory", () => {
    check({ memory: 1 });
    const text = (memory: number) => `Cannot run a unikernel with ${memory} MB of memory. Give it at least 1 MB`;
    for (const memory of [0, -1])
      assert.throws(() => check({ memory }), { name: "BackendRefusal", message: text(memory) });
    assert.throws(() => check({ memory: -(2n ** 62n) }), { name: "BackendRefusal" });
  });

  it("is that hvt can have so much memory; spt has no limit of its own", () => {
    check({ memory: HVT_MEMORY_LIMIT });
    assert.throws(() => check({ memory: HVT_MEMORY_LIMIT + 1 }), /the most is 4096 MB/);
    assert.throws(() => check({ memory: 2n ** 61n }), /the most is 4096 MB/);
    check({ memory: HVT_MEMORY_LIMIT + 1 }, { ...image, target: "spt" });
  });

  it("is that the image is made for this host's instruction set", () => {
    assert.throws(
      () => check({}, { ...image, machine: machine === 62 ? 183 : 62 }),
      /^.*it is made for (aarch64|x86_64) and/,
    );
    check({}, { ...image, machine: 0 }); // nothing known about it: the tender decides
  });

  it("is that no device is given twice", () => {
    const described = inspectImage(build({ name: "service", type: 2 }, { name: "storage", type: 1 }));
    const net = { name: fromText("service"), bridge: undefined, mac: undefined };
    const disk = { name: fromText("storage"), device: undefined, sectorSize: undefined };
    check({ networks: [net], blockDevices: [disk] }, described);
    const twice = (changes: Partial<UnikernelArguments>) => () =>
      check({ networks: [net], blockDevices: [disk], ...changes }, described);
    const other = { ...net, bridge: fromText("other") };
    assert.throws(twice({ networks: [net, other] }), { name: "BackendRefusal", message: "Bridge names must be a set" });
    assert.throws(twice({ blockDevices: [disk, { ...disk, device: fromText("other") }] }), {
      name: "BackendRefusal",
      message: "Block devices must be a set",
    });
  });

  it("is that the devices match, in the original's words and before everything else", () => {
    const described = inspectImage(build({ name: "service", type: 2 }));
    assert.throws(() => check({ memory: 0 }, described), {
      name: "BackendRefusal",
      message: 'specified bridge(s) does not match with the manifest. Devices present in manifest: net "service"',
    });
  });

  it("is that a tender can be given the devices' names", () => {
    const named = (name: string) => {
      const networks = [{ name: fromText(name), bridge: undefined, mac: undefined }];
      check({ networks }, inspectImage(build({ name, type: 2 })));
    };
    named("a".repeat(67));
    for (const name of ["", "a b", "a-b", "a=b", "ä"]) assert.throws(() => named(name), /letters and digits only/);
  });

  it("is that a tender takes the sector size", () => {
    const described = inspectImage(build({ name: "storage", type: 1 }));
    const sized = (sectorSize: number | bigint | undefined) =>
      check({ blockDevices: [{ name: fromText("storage"), device: undefined, sectorSize }] }, described);
    for (const size of [undefined, 512, 1024, 32768]) sized(size);
    for (const size of [0, -512, 256, 511, 513, 65536, 2n ** 61n]) assert.throws(() => sized(size), /powers of two/);
  });
});

describe("a unikernel's arguments", () => {
  it("are the name, if it is to be added, and the words as they are", () => {
    assert.deepEqual(guestArguments(undefined, undefined), []);
    assert.deepEqual(guestArguments("hello", [fromText("a b"), fromText(""), fromText("ü")]), [
      "--name=hello",
      "a b",
      "",
      "ü",
    ]);
  });

  it("fit into the command line up to its limit in bytes, the name and the blanks counted", () => {
    const fits = [fromText("ü".repeat(4000)), fromText("x".repeat(COMMAND_LINE_LIMIT - 8000 - 1))];
    guestArguments(undefined, fits);
    check({ arguments: fits });
    assert.throws(() => guestArguments(undefined, [...fits, fromText("")]), {
      name: "BackendRefusal",
      message: /^Cannot pass 8192 bytes of arguments to the unikernel: the most is 8191 bytes/,
    });
    assert.throws(() => check({ arguments: fits }, image, "hello"), /Cannot pass 8204 bytes/);
  });

  it("are refused where no process could be given them", () => {
    assert.throws(() => check({ arguments: [fromBytes(Uint8Array.of(0x61, 0xff))] }), /"a\ufffd".*it is not UTF-8/);
    assert.throws(() => check({ arguments: [fromText("a\0b")] }), /"a\\000b".*it contains a zero byte/);
  });
});
