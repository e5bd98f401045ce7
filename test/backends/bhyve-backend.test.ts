import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { NAME_ATTEMPTS, thisSystem } from "../../backends/bhyve/bhyve-backend.ts";
import { checkBhyve, DEVICE_LIMIT, inDeviceOrder } from "../../backends/bhyve/bhyve-checks.ts";
import { machineName, machineOf } from "../../backends/bhyve/bhyve-command-line.ts";
import { PATIENCE_MS } from "../../conformance/rig.ts";
import { fromBytes, fromText } from "../../core/byte-string.ts";
import type { UnikernelArguments } from "../../core/unikernel.ts";
import { decodeExtension, encodeExtension } from "../../core/wire/extension.ts";
import { BhyveRig, machine, runs } from "./bhyve-rig.ts";

const destroyed = "bhyvectl --destroy --vm=alba-4711";
const ended = { kind: "exit", code: 0 };

describe("a BHyve machine", () => {
  let rig: BhyveRig;
  beforeEach(() => {
    rig = new BhyveRig();
  });
  afterEach(() => rig.close());

  it("is loaded by bhyveload and run by bhyve, with the original's command lines", async () => {
    rig.install("bhyve", "echo guest speaks");
    const given = machine(
      [
        ["0", "/dev/zvol/tank/vm"],
        ["1", "/dev/zvol/tank/data"],
      ],
      [
        ["0", "service"],
        ["1", "other"],
      ],
      { cpus: 2 },
    );
    const launched = await rig.launch(given);
    assert.equal(launched.machine, "alba-4711");
    assert.deepEqual(await launched.exited, ended);
    const net = "mac=00:80:41:01:02:03";
    assert.deepEqual(rig.commandLines(), [
      "bhyveload -m512m -d/dev/zvol/tank/vm alba-4711",
      `bhyve -A -H -P -s0,hostbridge -s1,lpc -s2,virtio-net,tap7,${net} -s3,virtio-net,tap8,${net} -s4,virtio-blk,/dev/zvol/tank/vm -s5,virtio-blk,/dev/zvol/tank/data -lcom1,stdio -c2 -m512M alba-4711`,
    ]);
    assert.equal(rig.consoleText(), "guest speaks\n");
  });

  it("that boots Linux is loaded by grub-bhyve with a device map, which is removed", async () => {
    rig.install("grub-bhyve", `for word; do case "$word" in -m*) /bin/cat "\${word#-m}";; esac; done`);
    const launched = await rig.launch(machine(undefined, [], { linuxBootPartition: fromText("gpt2") }));
    assert.deepEqual(await launched.exited, ended);
    const [grub, bhyve] = rig.calls();
    const map = grub?.words[0]?.slice(2) ?? "";
    assert.deepEqual(grub?.words, [`-m${map}`, "-rhd0,gpt2", "-M512", "alba-4711"]);
    assert.equal(rig.consoleText(), "(hd0) /dev/zvol/tank/vm\n");
    assert.ok(map.startsWith(tmpdir()) && !existsSync(map));
    assert.equal(bhyve?.program, "bhyve");
  });

  it("gets the mark and PATH as environment, and nothing to read: not its own output", async () => {
    for (const program of ["bhyveload", "bhyve"] as const) {
      rig.install(program, 'echo "$(/usr/bin/readlink /proc/$$/fd/0)"; read line || echo end of input');
    }
    await (await rig.launch(machine())).exited;
    for (const { environment } of rig.calls()) {
      assert.deepEqual(environment, { PATH: rig.programs, MARK: "it" });
    }
    assert.equal(rig.consoleText(), "/dev/null\nend of input\n".repeat(2));
  });

  it("is told the size of sectors where one was given", async () => {
    const given = machine();
    const [disk] = given.blockDevices;
    assert.ok(disk);
    await (await rig.launch({ ...given, blockDevices: [{ ...disk, sectorSize: 4096 }] })).exited;
    assert.ok(rig.calls()[1]?.words.includes("-s2,virtio-blk,/dev/zvol/tank/vm,sectorsize=4096"));
  });

  for (const [how, body, reason] of [
    ["fails", "exit 3", "it ended with exit status 3"],
    ["is killed", "kill -9 $$", "it ended by signal 9"],
  ] as const) {
    it(`whose boot loader ${how} is destroyed and refused`, async () => {
      for (const program of ["bhyveload", "grub-bhyve"] as const) {
        rig.install(program, body);
        const partition = program === "grub-bhyve" ? fromText("msdos1") : undefined;
        await assert.rejects(rig.launch(machine(undefined, [], { linuxBootPartition: partition })), {
          name: "BackendRefusal",
          message: `Cannot boot from /dev/zvol/tank/vm: the boot loader ${join(rig.programs, program)} failed, ${reason}. Check the disk, and the partition for Linux (--linux-boot)`,
        });
        assert.equal(rig.commandLines().at(-1), destroyed);
        assert.ok(!rig.calls().some((call) => call.program === "bhyve"));
      }
      for (const { words } of rig.calls().filter((call) => call.program === "grub-bhyve")) {
        assert.ok(!existsSync(words[0]?.slice(2) ?? ""), "the device map is removed");
      }
    });
  }

  it("whose boot loader takes more than its second is destroyed and refused, and the loader ended with its children", async () => {
    const mark = `30.${process.pid}`; // seconds, and a mark
    rig.install("bhyveload", `/bin/sleep ${mark} & /bin/sleep ${mark}`);
    assert.equal(thisSystem.loaderTimeout, 1_000);
    const backend = rig.backend({ loaderTimeout: thisSystem.loaderTimeout });
    await assert.rejects(rig.launch(machine(), backend), /failed, it did not end within 1 s\./);
    const until = performance.now() + PATIENCE_MS;
    while (runs(`^/bin/sleep ${mark}`)) assert.ok(performance.now() < until, "the loader's child was left");
    assert.equal(rig.commandLines().at(-1), destroyed);
  });

  it("is destroyed if bhyve cannot be started", async () => {
    const launcher = await rig.backend().check({ arguments: machine(), image: undefined }, rig.host);
    rig.remove("bhyve");
    await assert.rejects(launcher.launch(rig.request(machine())), { name: "BackendRefusal", message: /no such file/ });
    assert.deepEqual(
      rig.calls().map(({ program }) => program),
      ["bhyveload", "bhyvectl"],
    );
  });

  it("gets a name that no machine has, or is refused", async () => {
    writeFileSync(join(rig.machines, "alba-5"), "");
    const chances = [0.00005, 0.00006];
    const backend = rig.backend({ random: () => chances.shift() ?? 0.00005 });
    assert.equal((await rig.launch(machine(), backend)).machine, "alba-6");
    let tried = 0;
    const unlucky = rig.backend({
      random: () => {
        tried++;
        return 0.00005;
      },
    });
    await assert.rejects(rig.launch(machine(), unlucky), /all names that were tried are in use/);
    assert.equal(tried, NAME_ATTEMPTS);
  });

  it("gets a name of its own when two are launched at once", async () => {
    const chances = [0.00001, 0.00001, 0.00002];
    const backend = rig.backend({ random: () => chances.shift() ?? 0 });
    const both = await Promise.all([rig.launch(machine(), backend), rig.launch(machine(), backend)]);
    assert.deepEqual(both.map((launched) => launched.machine).sort(), ["alba-1", "alba-2"]);
  });

  it("is refused on any other system, before anything is done", async () => {
    await assert.rejects(rig.launch(machine(), rig.backend({ platform: "linux" })), {
      name: "BackendRefusal",
      message:
        "Cannot run a unikernel of type bhyve on this host: BHyve is a part of FreeBSD, and this is linux. Use a host with FreeBSD, or a Solo5 image (--typ solo5)",
    });
    assert.deepEqual(rig.calls(), []);
  });

  for (const [program, advice] of [
    ["bhyve", /no program bhyve in .*It is part of FreeBSD/],
    ["bhyvectl", /no program bhyvectl in /],
    ["bhyveload", /no program bhyveload in /],
    ["grub-bhyve", /no program grub-bhyve in .*Install it \(package grub2-bhyve\)/],
  ] as const) {
    it(`is refused without ${program}, before anything is done`, async () => {
      rig.remove(program);
      const partition = program === "grub-bhyve" ? fromText("gpt2") : undefined;
      await assert.rejects(rig.launch(machine(undefined, [], { linuxBootPartition: partition })), advice);
      assert.deepEqual(rig.calls(), []);
    });
  }

  it("is refused with a path that bhyve would take for options, before anything is done", async () => {
    for (const device of ["/dev/zvol/a,ro", "/dev/zvol/a b", "/dev/zvol/a\n(hd1) /etc"]) {
      await assert.rejects(rig.launch(machine([["0", device]])), /takes no comma and no white space/);
      const second: [string, string][] = [
        ["0", "/dev/zvol/a"],
        ["1", device],
      ];
      await assert.rejects(rig.launch(machine(second)), /takes no comma and no white space/);
    }
    assert.deepEqual(rig.calls(), []);
  });

  it("is removed from the kernel by its name, whatever bhyvectl says", async () => {
    const backend = rig.backend();
    rig.install("bhyvectl", "exit 1");
    await backend.release?.("alba-1", rig.host);
    assert.deepEqual(rig.commandLines(), ["bhyvectl --destroy --vm=alba-1"]);
    rig.install("bhyvectl", "exec /bin/sleep 1000");
    await rig.backend({ releaseTimeout: 50 }).release?.("alba-2", rig.host);
    rig.remove("bhyvectl");
    await backend.release?.("alba-3", rig.host);
  });
});

describe("the check of a BHyve machine", () => {
  const refusal = (given: UnikernelArguments): string => {
    try {
      checkBhyve(given);
      return "";
    } catch (error) {
      assert.ok(error instanceof Error && error.name === "BackendRefusal");
      return error.message;
    }
  };

  for (const [what, given, message] of [
    ["a machine with a disk", machine(), ""],
    ["no disk", machine([]), "couldn't find initial block device"],
    ["a disk without name on the host", machine([["0", undefined]]), "no name for initial disk"],
    [
      "a first disk that is not 0",
      machine([["1", "a"]]),
      "block device a with name 1 not in ascending order (expected 0)",
    ],
    [
      "a disk of another name",
      machine([["disk", undefined]]),
      "block device disk with name disk not in ascending order (expected 0)",
    ],
    [
      "a gap",
      machine([
        ["0", "a"],
        ["2", "b"],
      ]),
      "block device b with name 2 not in ascending order (expected 1)",
    ],
    [
      "a number twice",
      machine([
        ["0", "a"],
        ["0", "b"],
      ]),
      "block device b with name 0 not in ascending order (expected 1)",
    ],
    [
      "a number with leading zeros",
      machine([
        ["0", "a"],
        ["01", "b"],
      ]),
      "block device b with name 01 not in ascending order (expected 1)",
    ],
    [
      "a network of another name",
      machine(undefined, [["service", "br0"]]),
      "network device on br0 with name service not in ascending order (expected 0)",
    ],
    [
      "no virtual CPU",
      machine(undefined, [], { cpus: 0 }),
      "Cannot run a machine with 0 virtual CPUs: give at least one (--cpus)",
    ],
    [
      "arguments",
      machine(undefined, [], { arguments: [fromText("-v")] }),
      "Cannot pass arguments to a BHyve machine: it boots from its disk. Leave them out (--arg)",
    ],
    ["an empty list of arguments", machine(undefined, [], { arguments: [] }), ""],
  ] as const) {
    it(`${message === "" ? "accepts" : "refuses"} ${what}`, () => assert.equal(refusal(given), message));
  }

  for (const partition of ["", "gpt2,ro", "gpt 2", "a\nb"]) {
    it(`refuses the partition ${JSON.stringify(partition)}`, () =>
      assert.match(refusal(machine(undefined, [], { linuxBootPartition: fromText(partition) })), /is no name of one/));
  }

  it("refuses a partition that is no UTF-8", () => {
    const given = machine(undefined, [], { linuxBootPartition: fromBytes(Uint8Array.of(0xff)) });
    assert.match(refusal(given), /is no name of one/);
  });

  it(`accepts ${DEVICE_LIMIT} devices and refuses one more`, () => {
    const networks = (count: number): [string, string][] => Array.from({ length: count }, (_, at) => [`${at}`, "br0"]);
    assert.equal(refusal(machine(undefined, networks(DEVICE_LIMIT - 1))), "");
    assert.match(refusal(machine(undefined, networks(DEVICE_LIMIT))), /has room for 30/);
  });

  it("takes devices in the order of their numbers, whatever order the set on the wire gave them (wire.md 21.6)", () => {
    const disks = (["long-name-of-a-device", "b", ..."cdefghijk"] as const).map((device, at): [string, string] => [
      `${at}`,
      device,
    ]);
    const { addName, ...given } = machine(disks);
    const config = { ...given, addName, type: "bhyve", compressed: false, image: new Uint8Array() } as const;
    const decoded = decodeExtension(encodeExtension({ kind: "unikernel-create", config }));
    assert.ok(decoded.kind === "unikernel-create");
    const { blockDevices } = decoded.config;
    assert.equal(blockDevices[0]?.name, "1", "the wire sorts shorter ones first");
    assert.equal(refusal(decoded.config), "");
    assert.deepEqual(
      inDeviceOrder(blockDevices).map(({ name, device }) => [name, device]),
      disks,
    );
  });
});

describe("names of machines", () => {
  it("are alba-0 to alba-99999", () => {
    assert.deepEqual([0, 0.5, 1 - 2 ** -53].map(machineName), ["alba-0", "alba-50000", "alba-99999"]);
  });

  it("are found at the end of the command lines of BHyve's programs only", () => {
    assert.equal(machineOf(["/usr/sbin/bhyve", "-A", "alba-17"]), "alba-17");
    for (const words of [[], ["solo5-hvt", "--", "/run/albatross/x.img"], ["x", "alba-17 "], ["alba-123456"]]) {
      assert.equal(machineOf(words), undefined);
    }
  });
});
