/**
 * What every backend for Solo5 unikernels must do, shown with real unikernels in real tenders.
 *
 * @module
 */
import assert from "node:assert/strict";
import { closeSync, mkdirSync, openSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Backend, BackendHost } from "../../backends/backend.ts";
import { inspectImage } from "../../backends/image.ts";
import { withImageFile } from "../../backends/image-file.ts";
import { fromText } from "../../core/byte-string.ts";
import type { MacAddress } from "../../core/unikernel.ts";
import { buildUnikernels, type UnikernelName, type UnikernelTarget } from "../unikernels/build.ts";
import { descriptorsOf, LauncherRig, plainArguments, signal, statusOf, stringsOf } from "./launcher-rig.ts";
import { TapPair } from "./tap-pair.ts";

/** How to run the suite. */
export interface ConformanceOptions {
  /** Of which tender, for people. */
  readonly title: string;
  readonly backend: Backend;
  readonly host: BackendHost;
  readonly target: UnikernelTarget;
  readonly emulated: boolean;
  /** Why it cannot be run here; `undefined` if it can. */
  readonly skip: string | undefined;
}

/** Runs a backend through everything a launcher promises. */
export function launcherConformance(options: ConformanceOptions): void {
  const { title, backend, host, target } = options;
  const hvt = target === "hvt";
  describe(title, { skip: options.skip !== undefined }, () => {
    let rig: LauncherRig;
    let images: Record<UnikernelName, string>;
    before(async () => {
      rig = new LauncherRig(backend, host);
      images = await buildUnikernels(join(rig.directory, "images"), { target });
    });
    after(async () => await rig.close());

    it("boots a unikernel, whose console comes out of the fifo", async () => {
      const hello = await rig.launch(images.hello, ["a", "b c"]);
      const { status, text } = await hello.end();
      assert.match(text, /^Hello from Albatross\ncommand line: a b c\n$/m);
      assert.deepEqual(status, { kind: "exit", code: 0 });
      assert.equal(hello.launcher.emulated, options.emulated);
    });

    for (const [name, words, code] of [
      ["exit-code", [], 0],
      ["exit-code", ["exit=7"], 7],
      ["exit-code", ["strict", "--name=x"], 64],
      ["exit-code", ["exit=256"], 0],
      ["abort", [], 255],
    ] as const) {
      it(`passes on the exit status ${code} of ${[name, ...words].join(" ")}`, async () => {
        assert.deepEqual((await (await rig.launch(images[name], words)).end()).status, { kind: "exit", code });
      });
    }

    it("shows a crash as what it is", async () => {
      const { status, text } = await (await rig.launch(images.crash)).end();
      assert.match(text, /^crashing\n/m);
      if (hvt) assert.deepEqual(status, { kind: "exit", code: 1 });
      else assert.deepEqual(status, { kind: "signal", signal: 4 });
    });

    it("passes on every byte of the console, in order and in any amount", async () => {
      const { bytes } = await (await rig.launch(images["odd-lines"])).end();
      const everyByte = Array.from({ length: 256 }, (_, value) => String.fromCharCode(value)).join("");
      const wanted = `${"x".repeat(4096)}\n${everyByte}\n\nin pieces\nno final newline`;
      assert.ok(bytes.toString("latin1").endsWith(wanted));
      const { text } = await (await rig.launch(images.flood, ["flood=1000", "size=100"])).end();
      assert.deepEqual(
        text.match(/^line \d+/gm),
        Array.from({ length: 1000 }, (_, at) => `line ${at + 1}`),
      );
    });

    it("gives the memory that was asked for", async () => {
      assert.match((await (await rig.launch(images.args)).end()).text, /^memory 33554432 /m);
    });

    // Some nested KVM hosts cannot run such guests, whatever the tender.
    it("runs code that uses SSE registers", { skip: hvt && !options.emulated }, async () => {
      const { status, text } = await (await rig.launch(images.sse)).end();
      assert.match(text, /^sum of halves 2525\n/m);
      assert.deepEqual(status, { kind: "exit", code: 0 });
    });

    it("ends by SIGTERM while the unikernel uses all of its CPU", async () => {
      const spinner = await rig.launch(images.spin);
      await spinner.output("spinning");
      signal(spinner.child.pid, "SIGTERM");
      const { status } = await spinner.end();
      assert.deepEqual(status, hvt ? { kind: "exit", code: 1 } : { kind: "signal", signal: 15 });
    });

    it("ends by SIGKILL", async () => {
      const sleeper = await rig.launch(images.ticker, ["interval=10"]);
      await sleeper.output("tick 2");
      signal(sleeper.child.pid, "SIGKILL");
      assert.deepEqual((await sleeper.end()).status, { kind: "signal", signal: 9 });
    });

    it("ends when nobody can read the console any more", async () => {
      const writer = await rig.launch(images.ticker, ["interval=10"]);
      await writer.output("tick 2");
      writer.closeConsole();
      const { status } = await writer.end();
      assert.notDeepEqual(status, { kind: "exit", code: 0 });
    });

    it("starts exactly the command line it announces, with the arguments as they are", async () => {
      const words = ["--ip=10.0.0.2/24", "a b", "", "ü'\"$x"];
      const sleeper = await rig.launch(images.ticker, ["interval=10", ...words]);
      await sleeper.output("tick 1");
      const commandLine = stringsOf(sleeper.child.pid, "cmdline");
      assert.deepEqual(commandLine, sleeper.launcher.commandLine?.(sleeper.request));
      assert.deepEqual(commandLine.slice(-8), ["--mem=32", "--", images.ticker, "interval=10", ...words]);
    });

    it("gives the process nothing but its own: environment, descriptors, session", async () => {
      const marker = join(rig.directory, "marker");
      writeFileSync(marker, "");
      const inherited = openSync(marker, "r+");
      const sleeper = await rig.launch(images.ticker, ["interval=10"], { environment: { MARK: "1" } });
      await sleeper.output("tick 1");
      const { pid } = sleeper.child;
      assert.deepEqual(stringsOf(pid, "environ").toSorted(), ["MARK=1", `PATH=${host.path}`]);
      const descriptors = descriptorsOf(pid);
      const fifo = descriptors.get(0) ?? "";
      assert.ok(fifo.startsWith(`${rig.directory}/fifo`), fifo);
      assert.deepEqual([descriptors.get(1), descriptors.get(2)], [fifo, fifo]);
      const own = /^(\/dev\/(kvm|null|urandom)|anon_inode:.*)$/;
      const others = [...descriptors].filter(([descriptor, what]) => descriptor > 2 && !own.test(what));
      assert.deepEqual(others, [], "these were inherited");
      assert.deepEqual(statusOf(pid, "NSsid")[0], String(pid), "a session of its own");
      closeSync(inherited);
    });

    it("confines every thread to the CPUs that were asked for", async () => {
      for (const cpu of [0, availableParallelism() - 1]) {
        const sleeper = await rig.launch(images.ticker, ["interval=10"], { cpuIds: [cpu] });
        await sleeper.output("tick 1");
        for (const allowed of statusOf(sleeper.child.pid, "Cpus_allowed_list")) assert.equal(allowed, String(cpu));
      }
    });

    it("leaves the order in which processes are killed when memory runs out as it is", async () => {
      assert.equal(await oomScoreOfChild("100"), "100");
    });

    it("does not pass on an exemption from being killed then", {
      skip: options.skip !== undefined || !mayProtectItself(),
    }, async () => {
      assert.equal(await oomScoreOfChild("-500"), "0");
    });

    async function oomScoreOfChild(score: string): Promise<string> {
      const former = readFileSync(OWN_OOM_SCORE, "utf8");
      try {
        writeFileSync(OWN_OOM_SCORE, score);
        const sleeper = await rig.launch(images.ticker, ["interval=10"]);
        return readFileSync(`/proc/${sleeper.child.pid}/oom_score_adj`, "utf8").trim();
      } finally {
        writeFileSync(OWN_OOM_SCORE, former);
      }
    }

    it("refuses a CPU that there is not, and starts nothing", async () => {
      await assert.rejects(rig.launch(images.hello, [], { cpuIds: [8191] }), { name: "BackendRefusal" });
    });

    it("attaches block devices, in sectors of the size that was asked for", async () => {
      const file = join(rig.directory, "block", "hello");
      mkdirSync(join(rig.directory, "block"), { recursive: true });
      writeFileSync(file, "");
      truncateSync(file, 1_048_576);
      for (const sectorSize of [undefined, 4096]) {
        const blockDevices = [{ name: fromText("storage"), file, sectorSize }];
        const { status, text } = await (await rig.launch(images["block-check"], [], { blockDevices })).end();
        assert.match(text, new RegExp(`^storage: 1048576 bytes in sectors of ${sectorSize ?? 512}\n`, "m"));
        assert.deepEqual(status, { kind: "exit", code: 0 }, text);
      }
    });

    it("attaches networks, with the address that was given", {
      skip: TapPair.unavailable() !== undefined,
    }, async () => {
      const taps = new TapPair();
      try {
        const [first, second] = taps.names;
        const network = (tap: string, mac: string) => [{ name: fromText("service"), tap, mac: mac as MacAddress }];
        const echo = await rig.launch(images["net-echo"], ["count=3"], {
          networks: network(first, "00:80:41:00:00:01"),
        });
        await echo.output("net-echo ready, mac 00:80:41:00:00:01, mtu 1500");
        const caller = await rig.launch(images.net2, [], { networks: network(second, "00:80:41:00:00:02") });
        assert.match(
          (await caller.end()).text,
          /^reply 60 bytes from 00:80:41:00:00:01: request 3\nall replies received\n$/m,
        );
        assert.match((await echo.end()).text, /^received 60 bytes from 00:80:41:00:00:02: request 3\n/m);
      } finally {
        taps.close();
      }
    });

    it("refuses devices that the image does not have, before anything is started", async () => {
      const image = withImageFile(images["two-devices"], inspectImage);
      await assert.rejects(backend.check({ arguments: plainArguments([]), image }, host), {
        name: "BackendRefusal",
        message:
          'specified block device(s) does not match with manifest. Devices present in manifest: block "storage", net "service"',
      });
    });

    it("is responsible for its own images only", () => {
      const image = withImageFile(images.hello, inspectImage);
      assert.equal(backend.handles("solo5", image), true);
      assert.equal(backend.handles("bhyve", image), false);
      assert.equal(backend.handles("solo5", undefined), false);
      assert.equal(backend.handles("solo5", { ...image, target: hvt ? "spt" : "hvt" }), false);
    });
  });
}

const OWN_OOM_SCORE = "/proc/self/oom_score_adj";

/** Whether this process has the privilege to exempt itself from being killed when memory runs out. */
function mayProtectItself(): boolean {
  const former = readFileSync(OWN_OOM_SCORE, "utf8");
  try {
    writeFileSync(OWN_OOM_SCORE, "-1");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EACCES") return false;
    throw error;
  }
  writeFileSync(OWN_OOM_SCORE, former);
  return true;
}
