import assert from "node:assert/strict";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Backend } from "../../backends/backend.ts";
import { thisHardware } from "../../backends/hvt/built-in-tender.ts";
import { backendConformance } from "../../conformance/backend.ts";
import { LauncherRig, plainArguments } from "../../conformance/rig.ts";
import { fromText } from "../../core/byte-string.ts";
import type { MacAddress } from "../../core/unikernel.ts";
import { type BackendType, parseUnikernelType } from "../../core/unikernel-type.ts";
import {
  bootOf,
  CPUS_MAX,
  checkDevices,
  DEVICES_MAX,
  KERNEL_LINE_MAX,
} from "../../examples/qemu-backend/command-line.ts";
import { kernelKind, MULTIBOOT_SEARCH } from "../../examples/qemu-backend/kernel-image.ts";
import { parseOptions } from "../../examples/qemu-backend/options.ts";
import { guardBackend } from "../../plugins/guard-backend.ts";
import { loadPlugin } from "../../plugins/load.ts";
import { emptyHost } from "../backends/fake-tender.ts";
import { TapPair } from "../backends/tap-pair.ts";
import { LineLog } from "../plugins/plugin-files.ts";
import { copyExample } from "./copy-example.ts";
import { buildKernel } from "./kernel/build.ts";

const { PATH: path = "" } = process.env;
const skip = process.versions.bun === undefined; // it runs the daemons, and so the plugins
const qemu = parseUnikernelType("qemu") as BackendType;

/** The backend as albatrossd has it: loaded from its package. */
async function load(options: Readonly<Record<string, unknown>>): Promise<Backend> {
  const file = copyExample("qemu-backend");
  const { plugin, guard } = await loadPlugin({ file, options }, "albatrossd", new LineLog());
  const [backend] = plugin.backends ?? [];
  return guardBackend(guard, backend ?? assert.fail("it has no backend"));
}

/** Stands for a backend that is loaded later, since suites are declared at once. */
function later(options: Readonly<Record<string, unknown>>): Backend {
  let loading: Promise<Backend> | undefined;
  return {
    interfaceVersion: 1,
    name: "qemu",
    images: "required",
    handles: (type) => type === "qemu",
    async check(request, host) {
      loading ??= load(options);
      return await (await loading).check(request, host);
    },
  };
}

backendConformance({
  title: "the QEMU backend, as every backend",
  backend: later({ accelerator: "tcg" }),
  type: "qemu",
  host: emptyHost({ path }),
  prepare: (folder) => ({ image: buildKernel(folder), words: ["tick"], line: "tick 2" }),
  mayOpen: /^(\/dev\/(kvm|null|urandom)|anon_inode:.*|socket:.*|.*\/kernel)$/,
  skip: skip ? "Bun does not run this" : undefined,
});

describe("the QEMU backend", { skip }, () => {
  let rig: LauncherRig;
  let kernel: string;
  before(() => {
    const host = emptyHost({ path, databaseDirectory: mkdtempSync(join(tmpdir(), "qemu-db-")) });
    rig = new LauncherRig(later({ accelerator: "tcg" }), host, qemu);
    kernel = buildKernel(rig.directory);
  });
  after(async () => {
    await rig.close();
    rmSync(rig.host.databaseDirectory, { recursive: true });
  });

  it("boots a multiboot kernel with its arguments and memory, and passes on how it ends", async () => {
    for (const [status, memory] of [
      [0, 32],
      [42, 64],
    ] as const) {
      const booted = await rig.launch(kernel, ["a", "ü $x", `exit=${status}`], { memory });
      const { status: end, text } = await booted.end();
      assert.match(text, new RegExp(`^kernel of the tests\ncommand line: \\S+ a ü \\$x exit=${status}\n`, "m"));
      const above = Number(/^memory above 1 MiB: (\d+) KiB$/m.exec(text)?.[1]);
      assert.ok(above > (memory - 2) * 1024 && above <= (memory - 1) * 1024, text);
      assert.deepEqual(end, { kind: "exit", code: 2 * status + 1 }); // as the debug exit device has it
    }
  });

  // Only this: software-assisted KVM takes seconds for the code of a BIOS.
  it("boots on KVM, too", { skip: thisHardware.kvmError() !== undefined }, async () => {
    const onKvm = new LauncherRig(later({ accelerator: "kvm" }), rig.host, qemu);
    try {
      const booted = await onKvm.launch(kernel, ["exit=3"]);
      assert.equal(booted.launcher.emulated, false);
      assert.deepEqual((await booted.end()).status, { kind: "exit", code: 7 });
    } finally {
      await onKvm.close();
    }
  });

  it("ends with a machine that resets itself", async () => {
    const { status, text } = await (await rig.launch(kernel, ["reset"])).end();
    assert.match(text, /kernel of the tests/);
    assert.deepEqual(status, { kind: "exit", code: 0 });
  });

  it("ends by SIGTERM while the guest uses all of its CPU", async () => {
    const spinner = await rig.launch(kernel, ["spin"]);
    await spinner.output("ready");
    process.kill(spinner.child.pid, "SIGTERM");
    assert.deepEqual((await spinner.end()).status, { kind: "exit", code: 0 });
  });

  it("attaches disks, with sectors as asked for", async () => {
    const file = join(rig.directory, "disk, with a comma");
    closeSync(openSync(file, "w"));
    truncateSync(file, 1_048_576);
    for (const sectorSize of [undefined, 4096]) {
      const blockDevices = [{ name: fromText("storage"), file, sectorSize }];
      const { text } = await (await rig.launch(kernel, ["exit=0"], { blockDevices })).end();
      assert.match(text, new RegExp(`^block of 2048 \\* 512 bytes, in sectors of ${sectorSize ?? 512}$`, "m"));
    }
  });

  it("attaches networks, with the addresses that were given", {
    skip: TapPair.unavailable() !== undefined,
  }, async () => {
    const taps = new TapPair();
    try {
      const networks = taps.names.map((tap, at) => {
        return { name: fromText(`net${at}`), tap, mac: `00:80:41:00:00:0${at}` as MacAddress };
      });
      const { text } = await (await rig.launch(kernel, ["exit=0"], { networks })).end();
      assert.match(text, /^net 00:80:41:00:00:00\nnet 00:80:41:00:00:01$/m);
    } finally {
      taps.close();
    }
  });

  it("gives an initial ram disk of the host, by its name only", async () => {
    const { databaseDirectory } = rig.host;
    mkdirSync(join(databaseDirectory, "qemu"));
    writeFileSync(join(databaseDirectory, "qemu", "disk.img"), "content of the ram disk");
    writeFileSync(join(databaseDirectory, "secret"), "");
    const { text } = await (await rig.launch(kernel, ["--initrd=disk.img", "exit=0"])).end();
    assert.match(text, /^command line: \S+ exit=0$/m);
    assert.match(text, /^ram disk: content of the ram disk$/m);
    for (const word of ["--initrd=none.img", "--initrd=../secret", "--initrd=.", "--initrd=/etc/passwd", "--initrd="]) {
      await assert.rejects(rig.launch(kernel, [word]), { name: "BackendRefusal" }, word);
    }
  });
});

describe("the QEMU backend, before it starts anything,", { skip }, () => {
  it("knows kernels by their beginnings", () => {
    const multiboot = (at: number, sum = -(0x1bad_b002 + 3)) => {
      const bytes = new Uint8Array(MULTIBOOT_SEARCH + 16);
      const view = new DataView(bytes.buffer);
      for (const [index, word] of [0x1bad_b002, 3, sum].entries()) view.setInt32(at + 4 * index, word | 0, true);
      return bytes;
    };
    assert.equal(kernelKind(multiboot(0)), "multiboot");
    assert.equal(kernelKind(multiboot(MULTIBOOT_SEARCH - 12)), "multiboot");
    assert.equal(kernelKind(multiboot(MULTIBOOT_SEARCH - 8)), undefined);
    assert.equal(kernelKind(multiboot(2)), undefined);
    assert.equal(kernelKind(multiboot(0, 7)), undefined);
    const linux = new Uint8Array(0x206);
    linux.set(Buffer.from("HdrS"), 0x202);
    assert.equal(kernelKind(linux), "linux");
    assert.equal(kernelKind(linux.subarray(0, 0x205)), undefined);
    assert.equal(kernelKind(new Uint8Array()), undefined);
  });

  it("reads the arguments", () => {
    const boot = (words: readonly string[], kind: "linux" | "multiboot" = "linux", nameArgument?: string) =>
      bootOf({ arguments: plainArguments(words), nameArgument }, kind);
    assert.deepEqual(boot(["a", "--initrd=x.img", "b c"]), { initrd: "x.img", line: "a b c" });
    assert.deepEqual(boot(["a"], "multiboot", "web"), { initrd: undefined, line: "--name=web a" });
    assert.deepEqual(boot(["a"], "linux", "web"), { initrd: undefined, line: "a" });
    assert.throws(() => boot(["--initrd=x", "--initrd=y"]), /give --initrd=NAME once/);
    assert.equal(boot(["é".repeat((KERNEL_LINE_MAX - 1) / 2), ""]).line.length, (KERNEL_LINE_MAX - 1) / 2 + 1);
    assert.throws(() => boot(["x".repeat(KERNEL_LINE_MAX + 1)]), /the most is 2047/);
  });

  it("refuses what the machine has no room for", () => {
    const disks = (count: number, sectorSize = 512) =>
      Array.from({ length: count }, (_, at) => ({ name: fromText(`d${at}`), device: undefined, sectorSize }));
    const check = (changes: object) => checkDevices({ arguments: { ...plainArguments([]), ...changes } });
    check({ cpus: CPUS_MAX, blockDevices: disks(DEVICES_MAX) });
    assert.throws(() => check({ cpus: CPUS_MAX + 1 }), /Cannot run 256 virtual CPUs/);
    assert.throws(() => check({ cpus: 0 }), /Cannot run 0 virtual CPUs/);
    assert.throws(() => check({ blockDevices: disks(DEVICES_MAX + 1) }), /Cannot attach 25 devices/);
    for (const size of [512, 4096, 32_768]) check({ blockDevices: disks(1, size) });
    for (const size of [0, 256, 513, 65_536]) {
      assert.throws(() => check({ blockDevices: disks(1, size) }), new RegExp(`sectors of ${size} bytes`));
    }
    assert.throws(() => check({ linuxBootPartition: fromText("msdos1") }), /give the kernel as image/);
  });

  it("takes only the options it has", () => {
    assert.deepEqual(parseOptions({}), { accelerator: "auto", program: undefined, initrds: undefined });
    for (const bad of [{ accel: "kvm" }, { accelerator: "xen" }, { program: "qemu" }, { initrds: 3 }]) {
      assert.throws(() => parseOptions(bad), /option/);
    }
  });

  it("refuses a host without QEMU, and emulation that nobody has asked for", async () => {
    const folder = mkdtempSync(join(tmpdir(), "qemu-check-"));
    try {
      const imageFile = buildKernel(folder);
      const request = { arguments: plainArguments([]), image: undefined, imageFile };
      await assert.rejects(
        (await load({ accelerator: "tcg" })).check(request, emptyHost()),
        /install it \(Debian: qemu-system-x86\)/,
      );
      const none = await load({ program: join(folder, "none"), accelerator: "tcg" });
      await assert.rejects(none.check(request, emptyHost({ path })), /Cannot find .*none/);
      if (thisHardware.kvmError() === undefined) return;
      const auto = await load({});
      await assert.rejects(auto.check(request, emptyHost({ path })), /Cannot use KVM: .*--allow-emulation/);
      assert.equal((await auto.check(request, emptyHost({ path, allowEmulation: true }))).emulated, true);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
