/** With files of the same form; real virtual machines are in the end-to-end tests. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, it } from "node:test";
import { CollectorError } from "../../../backends/collector.ts";
import { COUNTERS_MAX, kvmSource } from "../../../backends/linux-stats/kvm-source.ts";
import { fromText } from "../../../core/byte-string.ts";

const folder = mkdtempSync(join(tmpdir(), "albatross-debugfs-"));
after(() => rmSync(folder, { recursive: true }));

const target = (pid: number) => ({ pid, machine: fromText(""), interfaces: [] });

function machine(name: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(join(folder, "kvm", name), { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, "kvm", name, file), text);
}

function failure(action: () => unknown): CollectorError {
  try {
    action();
  } catch (error) {
    if (error instanceof CollectorError) return error;
    throw error;
  }
  return assert.fail("nothing was thrown");
}

it("gives the counters of the process's machine by name, whatever is beside them", () => {
  machine("12-5", { exits: "18446744073709551615\n", blocking: "0\n", halt_hist: "[0, 1): 5\n", broken: "" });
  machine("123-5", { exits: "7\n" });
  mkdirSync(join(folder, "kvm/12-5/vcpu0"), { recursive: true });
  const source = kvmSource(folder);
  const collector = source.open(target(12));
  assert.deepEqual(collector.sample().hypervisor, [
    { key: "blocking", value: 0n },
    { key: "exits", value: 2n ** 64n - 1n },
  ]);
  assert.deepEqual(source.open(target(1)).sample(), {});
  collector.close();
});

it("takes a bounded number of counters, at the limit and one past it", () => {
  const files = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`c${at}`, "1\n"]));
  machine("20-1", files(COUNTERS_MAX));
  machine("21-1", files(COUNTERS_MAX + 1));
  for (const pid of [20, 21]) {
    assert.equal(kvmSource(folder).open(target(pid)).sample().hypervisor?.length, COUNTERS_MAX);
  }
});

it("says what to do once, where debugfs is not there, and finds it when it comes", async () => {
  const later = join(folder, "later");
  const source = kvmSource(later);
  const [first, second] = [source.open(target(1)), source.open(target(2))];
  assert.match(failure(() => first.sample()).message, /mount -t debugfs/);
  assert.equal(failure(() => second.sample()).reason, "refused");
  assert.doesNotMatch(failure(() => second.sample()).message, /mount -t debugfs/);
  mkdirSync(join(later, "kvm/1-5"), { recursive: true });
  writeFileSync(join(later, "kvm/1-5/exits"), "3\n");
  await Promise.resolve();
  assert.deepEqual(first.sample().hypervisor, [{ key: "exits", value: 3n }]);
});

it("gives nothing when the machine has just ended", async () => {
  machine("30-1", { exits: "1\n" });
  const collector = kvmSource(folder).open(target(30));
  collector.sample();
  rmSync(join(folder, "kvm/30-1"), { recursive: true });
  assert.deepEqual(collector.sample(), {}, "within the same turn");
  await Promise.resolve();
  assert.deepEqual(collector.sample(), {});
});
