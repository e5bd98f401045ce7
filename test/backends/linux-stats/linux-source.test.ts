/** Against what other programs of the host say about the same processes and interfaces. */
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { CollectorError } from "../../../backends/collector.ts";
import { linuxSource } from "../../../backends/linux-stats/linux-source.ts";
import { type ByteString, fromText } from "../../../core/byte-string.ts";
import { SINGLE_REQUESTS_MAX } from "../../../host/linux/link-counters.ts";
import { openDescriptors } from "../../runtime/open-descriptors.ts";
import { TapPair } from "../tap-pair.ts";

const source = linuxSource();
const machine = fromText("");
const page = Number(execFileSync("getconf", ["PAGESIZE"]));
const open = (pid: number, interfaces: readonly { device: ByteString; tap: ByteString }[] = []) =>
  source.open({ pid, machine, interfaces });

/** Runs `action` with a process that has eaten `megabytes` and given them back, and has computed for a while. */
async function withProcess(megabytes: number, action: (pid: number) => void): Promise<void> {
  const script = `x = bytearray(${megabytes} << 20); del x\nfor i in range(3000000): pass\nprint(1, flush=True)\ninput()`;
  const child = spawn("python3", ["-c", script], { stdio: ["pipe", "pipe", "inherit"] });
  try {
    await new Promise((resolve) => child.stdout.once("data", resolve));
    action(child.pid ?? assert.fail());
  } finally {
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("exit", resolve));
  }
}

const field = (pid: number, label: string) =>
  BigInt(
    new RegExp(`^${label}:\\s+(\\d+)`, "m").exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] ?? assert.fail(),
  );

function reasonOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof CollectorError) return error.reason;
    throw error;
  }
  return "nothing";
}

const hasPython = spawnSync("python3", ["-V"]).status === 0 ? false : "python3 is not installed";

describe("a process", () => {
  it("is measured as ps and /proc show it", { skip: hasPython }, () =>
    withProcess(64, (pid) => {
      const collector = open(pid);
      const { resourceUsage: usage, memory } = collector.sample();
      assert.ok(usage !== undefined && memory !== undefined);
      const stat = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.split(" ") ?? [];
      const ticks = (at: number) => Number(stat[at - 3]) * 10_000;
      assert.equal(Number(usage.utime.seconds) * 1e6 + Number(usage.utime.microseconds), ticks(14));
      assert.equal(Number(usage.stime.seconds) * 1e6 + Number(usage.stime.microseconds), ticks(15));
      assert.equal(Number(memory.runtime), ticks(14) + ticks(15));
      assert.ok(ticks(14) > 0, "it has computed for a while");
      assert.equal(usage.minflt, BigInt(stat[10 - 3] ?? ""));
      assert.equal(usage.nvcsw, field(pid, "voluntary_ctxt_switches"));
      assert.equal(usage.nivcsw, field(pid, "nonvoluntary_ctxt_switches"));
      const [size = "", , , text = "", , both = ""] = readFileSync(`/proc/${pid}/statm`, "latin1").split(" ");
      assert.equal(memory.vsize, BigInt(size) * BigInt(page));
      assert.equal(memory.tsize, BigInt(text));
      assert.equal(memory.dsize + memory.ssize, BigInt(both));
      assert.equal(memory.ssize, (field(pid, "VmStk") * 1024n) / BigInt(page));
      const [started = ""] = execFileSync("ps", ["-o", "etimes=", "-p", String(pid)], { encoding: "utf8" }).split("\n");
      const age = Date.now() / 1000 - (Number(memory.start.seconds) + Number(memory.start.microseconds) / 1e6);
      assert.ok(Math.abs(age - Number(started)) < 2.5, `${age} s instead of ${started} s`);
      assert.deepEqual(collector.sample().memory?.start, memory.start);
      collector.close();
    }),
  );

  it("has the largest resident set as maxrss, not the present one", { skip: hasPython }, () =>
    withProcess(64, (pid) => {
      const { resourceUsage, memory } = open(pid).sample();
      assert.ok(Number(resourceUsage?.maxrss) * page >= 64 * 2 ** 20);
      assert.ok(Number(memory?.rss) * page < 40 * 2 ** 20);
    }),
  );

  it("of root is measured for an ordinary user, too", {
    skip: process.getuid?.() !== 0 && "only root can become another",
  }, () => {
    const module = new URL("../../../backends/linux-stats/linux-source.ts", import.meta.url).pathname;
    const script = `
      const { linuxSource } = await import(${JSON.stringify(module)});
      const { resourceUsage, memory } = linuxSource().open({ pid: ${process.pid}, machine: "", interfaces: [] }).sample();
      console.log(memory.rss > 0n && resourceUsage.maxrss > 0n && memory.dsize > 0n && resourceUsage.inblock === 0n);
    `;
    const words = ["--reuid=65534", "--regid=65534", "--clear-groups", process.execPath, "-e", script];
    assert.equal(execFileSync("setpriv", words, { encoding: "utf8", cwd: "/" }), "true\n");
  });

  it("that has ended is gone, also while its parent has not asked for its status", { skip: hasPython }, async () => {
    let collector = open(2 ** 22 + 1);
    assert.equal(
      reasonOf(() => collector.sample()),
      "gone",
    );
    await withProcess(1, (pid) => {
      collector = open(pid);
      collector.sample();
    });
    assert.equal(
      reasonOf(() => collector.sample()),
      "gone",
    );
    const script =
      "import os, time\npid = os.fork()\nif pid == 0: os._exit(0)\nprint(pid, flush=True)\ntime.sleep(1000)";
    const parent = spawn("python3", ["-c", script], { stdio: ["ignore", "pipe", "inherit"] });
    try {
      const pid = await new Promise<number>((resolve) => parent.stdout.once("data", (text) => resolve(Number(text))));
      while (!readFileSync(`/proc/${pid}/stat`, "latin1").includes(") Z ")) await new Promise(setImmediate);
      assert.equal(
        reasonOf(() => open(pid).sample()),
        "gone",
      );
    } finally {
      parent.kill("SIGKILL");
    }
  });

  const skipNamespace =
    spawnSync("unshare", ["--pid", "--fork", "--mount-proc", "true"]).status === 0
      ? false
      : "no namespaces of processes here";

  it("is told apart from a later one with the same number", { skip: skipNamespace }, () => {
    const module = new URL("../../../backends/linux-stats/linux-source.ts", import.meta.url).pathname;
    const script = `
      const { linuxSource } = await import(${JSON.stringify(module)});
      const { spawn, spawnSync } = await import("node:child_process");
      const { writeFileSync } = await import("node:fs");
      const start = () => spawn("sleep", ["100"], { stdio: "ignore" });
      const first = start();
      const collector = linuxSource().open({ pid: first.pid, machine: "", interfaces: [] });
      collector.sample();
      await new Promise((resolve) => setTimeout(resolve, 50)); // the start is known to a hundredth of a second
      first.kill("SIGKILL");
      await new Promise((resolve) => first.once("exit", resolve));
      for (let attempt = 0; attempt < 200; attempt++) {
        writeFileSync("/proc/sys/kernel/ns_last_pid", String(first.pid - 1));
        const second = start();
        if (second.pid === first.pid) {
          try {
            collector.sample();
            console.log("measured another process");
          } catch (error) {
            console.log(error.reason, /another one has its number/.test(error.message));
          }
        }
        second.kill("SIGKILL");
        await new Promise((resolve) => second.once("exit", resolve));
        if (second.pid === first.pid) process.exit(0);
      }
      console.log("the number was never given again");
    `;
    const words = ["--pid", "--fork", "--mount-proc", process.execPath, "-e", script];
    assert.equal(execFileSync("unshare", words, { encoding: "utf8", cwd: "/" }), "gone true\n");
  });
});

const skipTaps = TapPair.unavailable() ?? false;

/** What `ip -s link` shows. */
function shown(name: string): Readonly<Record<string, unknown>> {
  const [link] = JSON.parse(execFileSync("ip", ["-s", "-j", "link", "show", name], { encoding: "utf8" }));
  const { rx, tx } = link.stats64;
  return {
    mtu: link.mtu,
    rx: [rx.bytes, rx.packets, rx.errors, rx.dropped, rx.multicast],
    tx: [tx.bytes, tx.packets, tx.errors, tx.dropped, tx.collisions],
  };
}

describe("an interface", { skip: skipTaps }, () => {
  it("has the counters that ip shows, and input is what the host receives", () => {
    const taps = new TapPair();
    try {
      const tap = fromText(taps.names[0]);
      const collector = open(process.pid, [{ device: fromText("service"), tap }]);
      const [data] = collector.sample().interfaces ?? [];
      assert.ok(data !== undefined);
      assert.deepEqual(
        {
          mtu: data.mtu,
          rx: [data.inputBytes, data.inputPackets, data.inputErrors, data.inputDropped, data.inputMcast].map(Number),
          tx: [data.outputBytes, data.outputPackets, data.outputErrors, data.outputDropped, data.collisions].map(
            Number,
          ),
        },
        shown(taps.names[0]),
      );
      assert.equal(data.bridge, "service");
      const flags = Number(readFileSync(`/sys/class/net/${taps.names[0]}/flags`, "latin1"));
      const administrative = 0xffff & ~0x0300; // the bridge's own ones are only in the file
      assert.equal(Number(data.flags) & administrative, flags & administrative);
      collector.close();
    } finally {
      taps.close();
    }
  });

  it("is read with all others by one request for many, and one by one for few: the same values", () => {
    const pairs = Array.from({ length: SINGLE_REQUESTS_MAX / 2 + 1 }, () => new TapPair());
    try {
      const names = pairs.flatMap((pair) => pair.names);
      const interfaces = names.map((name) => ({ device: fromText(name), tap: fromText(name) }));
      const values = (each: typeof interfaces) => {
        const collector = open(process.pid, each);
        const found = collector.sample().interfaces ?? [];
        collector.close();
        return found.map(({ bridge, mtu, outputPackets }) => ({ bridge, mtu, known: outputPackets >= 0n }));
      };
      const loopback = { device: fromText("lo"), tap: fromText("lo") }; // not a tap: not in the list of taps
      const all = values([...interfaces, loopback]);
      assert.equal(all.length, SINGLE_REQUESTS_MAX + 3);
      assert.deepEqual(
        all,
        [...interfaces, loopback].flatMap((each) => values([each])),
      );
    } finally {
      for (const pair of pairs) pair.close();
    }
  });

  it("that goes away is left out, and a strange name is none", () => {
    const taps = new TapPair();
    const [first, second] = taps.names;
    try {
      const of = (name: string) => ({ device: fromText(name.slice(0, 8)), tap: fromText(name) });
      const collector = open(process.pid, [first, second, "x".repeat(16), "", "a\0b"].map(of));
      assert.equal(collector.sample().interfaces?.length, 2);
      execFileSync("ip", ["link", "del", first]);
      return Promise.resolve().then(() => {
        assert.deepEqual(
          collector.sample().interfaces?.map(({ bridge }) => bridge),
          [second.slice(0, 8)],
        );
        collector.close();
      });
    } finally {
      queueMicrotask(() => queueMicrotask(() => taps.close()));
    }
  });

  it("costs no descriptor once it is no longer measured", async () => {
    const before = await openDescriptors();
    const loopback = { device: fromText("lo"), tap: fromText("lo") };
    for (let round = 0; round < 20; round++) {
      const collectors = [open(process.pid, [loopback]), open(process.pid, [loopback])];
      for (const collector of collectors) collector.sample();
      for (const collector of collectors) collector.close();
      collectors[0]?.close();
    }
    assert.equal(await openDescriptors(), before);
  });
});
