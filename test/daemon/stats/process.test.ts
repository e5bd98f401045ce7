/** albatross-stats as a process: its command line, its socket, and its end. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { INTERVAL_MAX } from "../../../daemon/stats/main.ts";
import { Machine, program, until, Wire } from "../../end-to-end/harness.ts";
import { add, ask, samples, subscribe } from "./rig.ts";

describe("the command line", () => {
  const run = (...words: string[]) => {
    const [file, ...first] = program("albatross-stats");
    return spawnSync(file, [...first, ...words], { encoding: "utf8", timeout: 60_000 });
  };

  for (const [words, reason] of [
    [["--interval=0"], "must be at least 1"],
    [["--interval=-1"], "must be at least 1"],
    [["--interval=1.5"], "expected an integer"],
    [[`--interval=${INTERVAL_MAX + 1}`], `must be at most ${INTERVAL_MAX}`],
    [["--influx=a:b:c"], "expected HOST[:PORT]"],
    [["--tmpdir=/nonexistent"], "no /nonexistent directory"],
    [["more"], "too many arguments"],
  ] as const) {
    it(`is wrong with ${words.join(" ")}: 124`, () => {
      const { status, stderr } = run(...words);
      assert.equal(status, 124);
      assert.ok(stderr.includes(reason), stderr);
    });
  }

  it("explains itself, and takes the original's flag for the hypervisor", () => {
    const { status, stdout } = run("--help");
    assert.equal(status, 0);
    for (const flag of [
      "--interval",
      "--gather-vmm-stats, --gather-bhyve-stats",
      "--influx",
      "--systemd-socket-activation",
    ]) {
      assert.ok(stdout.includes(flag), flag);
    }
  });
});

describe("the daemon", () => {
  it("measures every interval, ends in order, and leaves neither socket nor descriptors", () =>
    Machine.with(async (machine) => {
      const daemon = await machine.startStats();
      const wire = await machine.connect(machine.statsSocket);
      assert.equal(await ask(wire, "a", add(process.pid)), "added");
      assert.equal(await ask(wire, "a", subscribe), "subscribed");
      await samples(wire, 2);
      const before = readdirSync(`/proc/${daemon.pid}/fd`).length;
      const others = await Promise.all(Array.from({ length: 100 }, () => Wire.open(machine.statsSocket)));
      await Promise.all(others.map((other) => ask(other, "a", subscribe)));
      await until("they are connected", () => readdirSync(`/proc/${daemon.pid}/fd`).length >= before + 100);
      for (const other of others) other.close();
      await until("their descriptors are closed", () => readdirSync(`/proc/${daemon.pid}/fd`).length <= before);
      assert.equal(await daemon.stop(), 0);
      assert.equal(existsSync(machine.statsSocket), false);
      await wire.gone();
    }));

  it("serves the socket that systemd passes", () =>
    Machine.with(async (machine) => {
      mkdirSync(join(machine.tmpdir, "util"));
      const path = join(machine.directory, "passed.sock");
      const wrapper = ["systemd-socket-activate", "-l", path];
      const daemon = machine.launch(
        "albatross-stats",
        [`--tmpdir=${machine.tmpdir}`, "--systemd-socket-activation", "-vv"],
        wrapper,
      );
      await until("the socket is there", () => existsSync(path));
      const wire = await machine.connect(path);
      assert.equal(await ask(wire, "a", subscribe), "subscribed");
      await daemon.logged("listening on the socket from systemd");
      assert.equal(existsSync(machine.statsSocket), false);
    }));

  it("hints once at what keeps it from the hypervisor's counters, and measures the rest", () =>
    Machine.with(async (machine) => {
      // In a name space without debugfs, as for a user who may not enter it.
      const hide = 'mount -t tmpfs none /sys/kernel && exec "$@"';
      const wrapper = ["unshare", "--mount", "sh", "-c", hide, "sh"];
      const daemon = await machine.startStats({ flags: ["--gather-bhyve-stats"], wrapper });
      const wire = await machine.connect(machine.statsSocket);
      assert.equal(await ask(wire, "a", add(process.pid)), "added");
      assert.equal(await ask(wire, "b", add(process.pid)), "added");
      assert.equal(await ask(wire, ":", subscribe), "subscribed");
      const got = await samples(wire, 4);
      assert.ok(got.every(({ statistics }) => statistics.hypervisor === undefined && statistics.memory !== undefined));
      assert.equal(daemon.log.split("mount -t debugfs").length, 2, daemon.log);
    }));
});
