/** The sources that run here, held against what every source promises. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { describe, it } from "node:test";
import { builtinCollectors } from "../../backends/builtin-collectors.ts";
import { linuxSource } from "../../backends/linux-stats/linux-source.ts";
import { fromText } from "../../core/byte-string.ts";
import { collectorConformance } from "./collector-conformance.ts";
import { TapPair } from "./tap-pair.ts";

let child: ChildProcess | undefined;
let pair: TapPair | undefined;

collectorConformance({
  title: "the source for Linux",
  skip: process.platform === "linux" ? TapPair.unavailable() : "it is for Linux only",
  source: () => linuxSource(),
  gives: ["resourceUsage", "memory", "interfaces"],
  target: () => {
    child = spawn("sleep", ["1000"], { stdio: "ignore" });
    pair = new TapPair();
    const interfaces = pair.names.map((tap, at) => ({ device: fromText(`net${at}`), tap: fromText(tap) }));
    return { pid: child.pid ?? 0, machine: fromText(""), interfaces };
  },
  gone: { pid: 0x7fff_fff0, machine: fromText(""), interfaces: [] },
  release: () => {
    child?.kill("SIGKILL");
    pair?.close();
  },
});

describe("the built-in sources", () => {
  it("are those of the system, with those of the hypervisor on demand", () => {
    const names = (platform: NodeJS.Platform, hypervisor: boolean) =>
      builtinCollectors(platform, hypervisor).map(({ name }) => name);
    assert.deepEqual(names("linux", false), ["linux"]);
    assert.deepEqual(names("linux", true), ["linux", "kvm"]);
    assert.deepEqual(names("freebsd", false), ["freebsd"]);
    assert.deepEqual(names("freebsd", true), ["freebsd", "bhyve"]);
    assert.throws(() => names("darwin", false), /Cannot measure anything on darwin/);
  });
});
