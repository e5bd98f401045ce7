import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { CollectorError, type CollectorSource, type CollectorTarget } from "../../backends/collector.ts";
import { freebsdSource } from "../../backends/freebsd-stats/freebsd-source.ts";
import { fromText } from "../../core/byte-string.ts";
import { openLibrary } from "../../runtime/ffi.ts";
import { compileStub, FREEBSD_LIBC, type StubLibrary } from "../support/stub-library.ts";
import { collectorConformance } from "./collector-conformance.ts";

const [SEE_OTHERS, CLOCK_STEP, RESTARTED, OLD_KERNEL] = [0, 1, 2, 4];
const [FULL, REFUSED, TRUNCATED, OTHER_SIZE, BAD_TIME, NOBODY] = [100, 102, 103, 104, 105, 107];

const interfaces = (...taps: readonly string[]): CollectorTarget["interfaces"] =>
  taps.map((tap, at) => ({ device: fromText(`net${at}`), tap: fromText(tap) }));
const target = (pid: number, ...taps: readonly string[]): CollectorTarget => ({
  pid,
  machine: fromText(""),
  interfaces: interfaces(...taps),
});

let library: StubLibrary;
let set: (key: number, value: number) => void;
const compile = () => {
  library ??= compileStub(FREEBSD_LIBC);
  set ??= openLibrary([library.path], { stub_set: { args: ["i32", "i32"], returns: "void" } }).stub_set;
  return library;
};
before(compile);
after(() => library.remove());

collectorConformance({
  title: "the source for FreeBSD",
  source: () => freebsdSource([compile().path]),
  gives: ["resourceUsage", "memory", "interfaces"],
  target: () => target(FULL, "tap7", "tap8"),
  gone: target(NOBODY),
});

describe("statistics of FreeBSD", () => {
  let source: CollectorSource;
  beforeEach(() => {
    source = freebsdSource([library.path], false);
    for (const [key, value] of [
      [SEE_OTHERS, 1],
      [CLOCK_STEP, 0],
      [RESTARTED, 0],
      [OLD_KERNEL, 0],
    ] as const)
      set(key, value);
  });

  const failure = (wanted: CollectorTarget, from = source): CollectorError => {
    try {
      from.open(wanted).sample();
    } catch (error) {
      assert.ok(error instanceof CollectorError, String(error));
      return error;
    }
    return assert.fail("it was measured");
  };

  it("takes each value of the process from its place, in the original's units (stats.md 6)", () => {
    const { resourceUsage, memory } = source.open(target(FULL)).sample();
    assert.deepEqual(resourceUsage, {
      utime: { seconds: 11n, microseconds: 12 },
      stime: { seconds: 13n, microseconds: 14 },
      maxrss: 21n,
      ixrss: 22n,
      idrss: 23n,
      isrss: 24n,
      minflt: 25n,
      majflt: 26n,
      nswap: 27n,
      inblock: 28n,
      outblock: 29n,
      msgsnd: 30n,
      msgrcv: 31n,
      nsignals: 32n,
      nvcsw: 33n,
      nivcsw: 34n,
    });
    assert.deepEqual(memory, {
      vsize: 0x8000000000000001n,
      rss: 1002n,
      tsize: 1003n,
      dsize: 1004n,
      ssize: 1005n,
      runtime: 1006007008n,
      cow: 0xfffffff0,
      start: { seconds: 1700000060n, microseconds: 999_999_999 },
    });
  });

  it("takes each value of an interface from its place (stats.md 7)", () => {
    assert.deepEqual(source.open(target(FULL, "tap7")).sample().interfaces, [
      {
        bridge: "net0",
        flags: 0x8943,
        sendLength: 101,
        maxSendLength: 102,
        sendDrops: 103,
        mtu: 1500,
        baudrate: 201n,
        inputPackets: 202n,
        inputErrors: 203n,
        outputPackets: 204n,
        outputErrors: 205n,
        collisions: 206n,
        inputBytes: 207n,
        outputBytes: 208n,
        inputMcast: 209n,
        outputMcast: 210n,
        inputDropped: 211n,
        outputDropped: 212n,
      },
    ]);
  });

  it("leaves out an interface that went away, whose index is another one's, or of another structure", () => {
    const { interfaces: given, resourceUsage } = source.open(target(FULL, "tap9", "tap10", "tap11", "tap8")).sample();
    assert.deepEqual(
      given?.map(({ bridge, baudrate }) => [bridge, baudrate]),
      [["net3", 301n]],
    );
    assert.ok(resourceUsage !== undefined);
  });

  for (const [what, pid, text] of [
    ["fewer bytes", TRUNCATED, "the kernel gives 800 bytes of a structure of 1088, not 1088"],
    ["another structure", OTHER_SIZE, "the kernel gives 1088 bytes of a structure of 1000, not 1088"],
  ] as const) {
    it(`does not guess at ${what}`, () => {
      const error = failure(target(pid));
      assert.equal(error.reason, "failed");
      assert.equal(error.message, `Cannot look at process ${pid}: ${text}. Use a 64-bit FreeBSD of 12 to 15`);
    });
  }

  it("believes microseconds to 999999999, and no more", () => {
    const error = failure(target(BAD_TIME));
    assert.deepEqual(
      [error.reason, error.message],
      ["failed", "Cannot measure a process: a time has 1000000000 microseconds"],
    );
  });

  it("tells a process that is not there", () => {
    const { reason, message } = failure(target(NOBODY));
    assert.deepEqual([reason, message], ["gone", `Cannot measure process ${NOBODY}: there is none`]);
  });

  it("advises once to let it see others' processes, where they are hidden, and not where they are not", () => {
    const advice = /Let albatross-stats see the processes of other users: sysctl security\.bsd\.see_other_uids=1/;
    set(SEE_OTHERS, 0);
    for (const [round, pid] of [NOBODY, REFUSED, NOBODY].entries()) {
      const { reason, message } = failure(target(pid));
      assert.equal(reason, "refused");
      assert.equal(advice.test(message), round === 0, message);
    }
    assert.equal(failure(target(NOBODY), freebsdSource([library.path], true)).reason, "gone", "root sees all");
    set(OLD_KERNEL, 1);
    assert.equal(failure(target(NOBODY), freebsdSource([library.path], false)).reason, "gone");
  });

  it("advises also where it is refused", () => {
    const { reason, message } = failure(target(REFUSED));
    assert.equal(reason, "refused");
    assert.match(message, /^Cannot look at process 102: Operation not permitted \(EPERM\)\. Let albatross-stats see/);
  });

  it("goes on after a failed reading (stats.md 10.5)", () => {
    const collector = source.open(target(NOBODY));
    for (let round = 0; round < 3; round++) assert.throws(() => collector.sample(), { reason: "gone" });
  });

  it("tells another process with the same number from the one it was opened for (stats.md 10.9)", () => {
    const collector = source.open(target(FULL));
    assert.ok(collector.sample().memory);
    set(RESTARTED, 5);
    assert.throws(() => collector.sample(), { reason: "gone", message: /another one has its number/ });
    assert.ok(source.open(target(FULL)).sample().memory);
  });

  it("knows its process again after the clock was set, which moves all times of start", () => {
    const collector = source.open(target(FULL));
    collector.sample();
    set(CLOCK_STEP, -3600);
    assert.equal(collector.sample().memory?.start.seconds, 1700000060n - 3600n);
  });

  it("says that it is for FreeBSD where its library is missing or lacks something", () => {
    for (const names of [["libno-such.so.7"], ["libm.so.6"]]) {
      assert.throws(
        () => freebsdSource(names).open(target(FULL)),
        (error) =>
          error instanceof CollectorError &&
          error.reason === "unavailable" &&
          error.message.startsWith("Cannot measure processes by sysctl: Cannot open the library lib"),
      );
    }
  });
});
