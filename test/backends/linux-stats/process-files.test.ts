import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CollectorError } from "../../../backends/collector.ts";
import {
  pagesOf,
  parseBlocks,
  parseStat,
  parseStatus,
  timeOfTicks,
} from "../../../backends/linux-stats/process-files.ts";

const numbers = Array.from({ length: 49 }, (_, at) => String(at + 4)); // the value of each field is its number

describe("/proc/<pid>/stat", () => {
  it("is read by the numbers of proc(5), whatever the program is called", () => {
    for (const name of ["solo5-hvt", "a) S 1 (b", ") ) )", "x\ny", ""]) {
      assert.deepEqual(parseStat(`7 (${name}) S ${numbers.join(" ")}\n`), {
        ended: false,
        start: 22n,
        utime: 14n,
        stime: 15n,
        minflt: 10n,
        majflt: 12n,
        nswap: 36n,
        vsize: 23n,
        rss: 24n,
      });
    }
  });

  it("may have more fields, and not fewer than 52, all of them numbers", () => {
    parseStat(`7 (x) S ${numbers.join(" ")} 1 2 3`);
    assert.throws(() => parseStat(`7 (x) S ${numbers.slice(1).join(" ")}`), CollectorError);
    assert.throws(() => parseStat(`7 (x) S ${numbers.join(" ").replace(" 14 ", " -14 ")}`), CollectorError);
    assert.throws(() => parseStat(""), CollectorError);
  });

  it("shows that a process has ended, but not that its first thread has", () => {
    const of = (state: string, threads: string) =>
      parseStat(`7 (x) ${state} ${numbers.map((text) => (text === "20" ? threads : text)).join(" ")}`).ended;
    assert.equal(of("Z", "1"), true);
    assert.equal(of("Z", "2"), false);
    assert.equal(of("X", "0"), true);
    assert.equal(of("R", "1"), false);
  });

  it("may hold any 64-bit value", () => {
    const most = 2n ** 64n - 1n;
    const text = `7 (x) S ${numbers.map((each) => (each === "23" ? most.toString() : each)).join(" ")}`;
    assert.equal(parseStat(text).vsize, most);
  });
});

describe("/proc/<pid>/status", () => {
  const switches = "voluntary_ctxt_switches:\t8\nnonvoluntary_ctxt_switches:\t9\n";

  it("gives sizes in KiB, and the switches of both kinds", () => {
    const text = `Name:\tx\nVmHWM:\t   12 kB\nVmRSS:\t 11 kB\nVmData:\t 4 kB\nVmStk:\t  5 kB\nVmExe:\t 6 kB\n${switches}`;
    assert.deepEqual(parseStatus(text), { maxrss: 12n, text: 6n, data: 4n, stack: 5n, nvcsw: 8n, nivcsw: 9n });
  });

  it("has no sizes for threads of the kernel, and is no status without switches", () => {
    assert.equal(parseStatus(`Name:\tx\n${switches}`).maxrss, 0n);
    assert.throws(() => parseStatus("Name:\tvoluntary_ctxt_switches: 1\n"), CollectorError);
    assert.throws(() => parseStatus(`Name:\tx\nVmHWM:\tmuch\n${switches}`), CollectorError);
  });
});

it("/proc/<pid>/io is counted in units of 512 bytes", () => {
  const text =
    "rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 5120\nwrite_bytes: 1023\ncancelled_write_bytes: 0\n";
  assert.deepEqual(parseBlocks(text), { inblock: 10n, outblock: 1n });
  assert.throws(() => parseBlocks("rchar: 1\n"), CollectorError);
});

it("ticks and KiB are converted exactly", () => {
  assert.deepEqual(timeOfTicks(1234n, 100n), { seconds: 12n, microseconds: 340_000 });
  assert.deepEqual(timeOfTicks(1n, 1024n), { seconds: 0n, microseconds: 976 });
  assert.equal(pagesOf(12n, 4096n), 3n);
  assert.equal(pagesOf(12n, 16384n), 0n);
});
