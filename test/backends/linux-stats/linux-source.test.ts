/** Against what other programs of the host say about the same processes and interfaces. */
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { CollectorError } from "../../../backends/collector.ts";
import { linuxSource } from "../../../backends/linux-stats/linux-source.ts";
import { type ByteString, fromText } from "../../../core/byte-string.ts";
import { SINGLE_REQUESTS_MAX } from "../../../host/linux/link-counters.ts";
import { openDescriptors } from "../../runtime/open-descriptors.ts";
import { TapPair } from "../tap-pair.ts";

const statistics = linuxSource();
const machine = fromText("");
const page = Number(execFileSync("getconf", ["PAGESIZE"]));
const open = (pid: number, interfaces: readonly { device: ByteString; tap: ByteString }[] = []) =>
  statistics.open({ pid, machine, interfaces });

const folder = mkdtempSync(join(tmpdir(), "albatross-linux-stats-"));
after(() => rmSync(folder, { recursive: true }));

/** Given a number: eats so many MiB, gives them back, and computes for a while. Without: leaves a child unasked. */
const source = `
  #include <stdio.h>
  #include <stdlib.h>
  #include <string.h>
  #include <unistd.h>
  int main(int count, char **words) {
    int told = 1;
    if (count > 1) {
      size_t size = strtoul(words[1], 0, 10) << 20;
      char *memory = malloc(size);
      memset(memory, 1, size);
      told = memory[size / 2];
      free(memory);
      for (volatile unsigned turn = 0; turn < 100000000; turn++);
    } else {
      told = fork();
      if (told == 0) _exit(0);
    }
    printf("%d\\n", told);
    fflush(stdout);
    pause();
  }
`;

/** Waits until a process sleeps (`S`) or is a zombie (`Z`). */
function awaitState(pid: number, wanted: "S" | "Z"): void {
  const state = () => readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.[0];
  while (state() !== wanted) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
}

/** Runs `action` with that program when it waits, and what it has printed. */
async function withProcess(words: readonly string[], action: (pid: number, told: number) => void): Promise<void> {
  const program = join(folder, "eater");
  if (!existsSync(program)) execFileSync("gcc", ["-O1", "-x", "c", "-o", program, "-"], { input: source });
  const child = spawn(program, words, { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const told = await new Promise<number>((resolve) => child.stdout.once("data", (text) => resolve(Number(text))));
    const pid = child.pid ?? assert.fail();
    awaitState(pid, "S");
    action(pid, told);
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

describe("a process", () => {
  it("has started when the clock says so, also if that is set later, and at one instant otherwise", (test) =>
    withProcess(["1"], (pid) => {
      const collector = open(pid);
      const started = () => collector.sample().memory?.start;
      const real = Date.now;
      let set = 0;
      test.mock.method(Date, "now", () => real() + set);
      const first = started();
      assert.ok(first !== undefined);
      for (set = -5000; set <= 5000; set += 1000) assert.deepEqual(started(), first);
      set = 3_600_000;
      assert.ok(Math.abs(Number((started()?.seconds ?? 0n) - first.seconds) - 3600) <= 5);
      collector.close();
    }));

  it("is measured as ps and /proc show it", () =>
    withProcess(["64"], (pid) => {
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
    }));

  it("has the largest resident set as maxrss, not the present one", () =>
    withProcess(["64"], (pid) => {
      const { resourceUsage, memory } = open(pid).sample();
      assert.ok(Number(resourceUsage?.maxrss) * page >= 64 * 2 ** 20);
      assert.ok(Number(memory?.rss) * page < 40 * 2 ** 20);
    }));

  it("of root is measured for an ordinary user, too", {
    skip: process.getuid?.() !== 0 && "only root can become another",
  }, () => {
    const module = new URL("../../../backends/linux-stats/linux-source.ts", import.meta.url).pathname;
    const script = `
      const { linuxSource } = await import(${JSON.stringify(module)});
      const { resourceUsage, memory, interfaces } = linuxSource().open({ pid: ${process.pid}, machine: "", interfaces: [{ device: "lo", tap: "lo" }] }).sample();
      console.log(interfaces.length === 1 && memory.rss > 0n && resourceUsage.maxrss > 0n && memory.dsize > 0n && resourceUsage.inblock === 0n);
    `;
    const words = ["--reuid=65534", "--regid=65534", "--clear-groups", process.execPath, "-e", script];
    assert.equal(execFileSync("setpriv", words, { encoding: "utf8", cwd: "/" }), "true\n");
  });

  it("that has ended is gone, also while its parent has not asked for its status", async () => {
    let collector = open(2 ** 22 + 1);
    assert.equal(
      reasonOf(() => collector.sample()),
      "gone",
    );
    await withProcess(["1"], (pid) => {
      collector = open(pid);
      collector.sample();
    });
    assert.equal(
      reasonOf(() => collector.sample()),
      "gone",
    );
    await withProcess([], (_, pid) => {
      awaitState(pid, "Z");
      assert.equal(
        reasonOf(() => open(pid).sample()),
        "gone",
      );
    });
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
