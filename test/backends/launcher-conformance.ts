/**
 * What every backend for Solo5 unikernels must do, shown with real unikernels in real tenders.
 *
 * @module
 */
import assert from "node:assert/strict";
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Backend, BackendHost } from "../../backends/backend.ts";
import { inspectImage } from "../../backends/image.ts";
import { withImageFile } from "../../backends/image-file.ts";
import { backendConformance } from "../../conformance/backend.ts";
import { LauncherRig, plainArguments, signal, stringsOf } from "../../conformance/rig.ts";
import { fromText } from "../../core/byte-string.ts";
import type { MacAddress } from "../../core/unikernel.ts";
import { buildUnikernels, type UnikernelName, type UnikernelTarget } from "../unikernels/build.ts";
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
  backendConformance({
    title: `${title}, as every backend`,
    backend,
    host,
    type: "solo5",
    async prepare(folder) {
      const { ticker } = await buildUnikernels(join(folder, "images"), { target });
      return { image: ticker, words: ["interval=10"], line: "tick 2" };
    },
    skip: options.skip,
  });
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
