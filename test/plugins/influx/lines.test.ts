import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { Point } from "@influxdata/influxdb-client";
import fc from "fast-check";
import { fromText } from "../../../core/byte-string.ts";
import { parseName } from "../../../core/name.ts";
import { INTEGER_MAX, influxLine } from "../../../plugins/influx/line.ts";
import { LineQueue } from "../../../plugins/influx/line-queue.ts";
import { general } from "../../../plugins/influx/own-lines.ts";
import { statisticsLines, vmTag } from "../../../plugins/influx/statistics-lines.ts";
import { sampleStatistics } from "../../support/statistics.ts";

describe("a line", () => {
  it("is what InfluxData's own library writes, whatever is in the names", () => {
    // No backslash at an end, of which that library makes a line that cannot be read; and its points sort their fields.
    const text = fc.string({ unit: fc.constantFrom("a", "é", "0", " ", ",", "=", '"', "\\", "-", "\n", "\t") });
    const word = text.map((value) => `a${value}z`);
    const integer = fc.bigInt(0n, BigInt(Number.MAX_SAFE_INTEGER));
    fc.assert(
      fc.property(word, word, word, integer, fc.integer(), (measurement, value, key, number, float) => {
        const point = new Point(measurement)
          .tag("vm", value)
          .intField(key, number.toString())
          .floatField("second", float)
          .timestamp("1700000000000000001");
        const fields = [
          [key, number],
          ["second", { float: String(float) }],
        ] as const;
        const ours = influxLine(measurement, [["vm", value]], fields, 1_700_000_000_000_000_001n);
        const theirs = point.toLineProtocol();
        assert.equal(ours, theirs);
      }),
    );
  });

  it("never ends a name in a backslash, and leaves out tags without a value", () => {
    assert.equal(
      influxLine(
        "m\\",
        [
          ["t", "a\\"],
          ["e", ""],
        ],
        [["f\\", 1n]],
      ),
      "m/,t=a/ f/=1i",
    );
  });

  it("holds the largest integer, and writes larger ones as that", () => {
    assert.equal(influxLine("m", [], [["f", INTEGER_MAX]]), "m f=9223372036854775807i");
    assert.equal(influxLine("m", [], [["f", INTEGER_MAX + 1n]]), "m f=9223372036854775807i");
    assert.equal(influxLine("m", [], [["f", 2n ** 64n - 1n]]), "m f=9223372036854775807i");
  });
});

describe("the lines of a sample", () => {
  const now = (1_795_296_000 + 86_400) * 1000 + 500;
  const sample = { ...sampleStatistics, hypervisor: undefined };

  it("are those of the original: measurements, tags, fields and their order", () => {
    assert.equal(
      statisticsLines("hello", sample, now, false),
      [
        "resource_usage,vm=hello utime=1.230000,stime=0.040000,maxrss=1234i,ixrss=1i,idrss=2i,isrss=3i,minflt=350i,maxflt=4i,nswap=5i,inblock=6i,outblock=7i,msgsnd=8i,msgrcv=9i,nsignals=10i,nvcsw=900i,nivcsw=12i,majflt=4i",
        "kinfo_mem,vm=hello vsize=34603008i,rss=1230i,tsize=60i,dsize=8400i,ssize=33i,cow_faults=26i,runtime=1270000i,uptime=86400.250000",
        "interface,vm=hello,bridge=service send_queue_length=13i,max_send_queue_length=14i,send_queue_drops=15i,mtu=1500i,baudrate=16i,vm_to_host_packets=17i,vm_to_host_errors=18i,vm_to_host_bytes=840i,vm_to_host_mcast=22i,vm_to_host_dropped=24i,collisions=21i,host_to_vm_packets=19i,host_to_vm_errors=20i,host_to_vm_bytes=1008i,host_to_vm_mcast=23i,host_to_vm_dropped=25i",
        "",
      ].join("\n"),
    );
  });

  it("have the form of the recorded ones, but for the right name of the major faults behind them", () => {
    const recorded = readFileSync(new URL("../../vectors/influx.out", import.meta.url), "utf8")
      .trimEnd()
      .split("\n");
    const form = (line: string) => line.replace(/\d+\.\d{6}/g, "F").replace(/=\d+i/g, "=I");
    const ours = statisticsLines(
      "net1",
      { ...sample, interfaces: sample.interfaces.map((data) => ({ ...data, bridge: fromText("service0") })) },
      now,
      false,
    );
    const forms = ours
      .trimEnd()
      .split("\n")
      .map((line) => form(line.replace(",majflt=4i", "")));
    assert.equal(recorded.length % 3, 0);
    for (const [at, line] of recorded.entries()) assert.equal(forms[at % 3], form(line));
  });

  it("have the time of the sample, if that is wanted", () => {
    for (const line of statisticsLines("x", sampleStatistics, now, true).trimEnd().split("\n")) {
      assert.match(line, / 1795382400500000000$/);
    }
  });

  it("have the hypervisor's counters, with blanks in their names", () => {
    const [, , vmm] = statisticsLines("x", sampleStatistics, now, false).split("\n");
    assert.equal(vmm, "vmm,vm=x Resident\\ memory=9007199254740993i");
  });

  it("leave out what there is not, and a device's name cannot break them", () => {
    const [data] = sample.interfaces;
    assert.ok(data);
    const interfaces = ["a b,c=d\\", "x\ninterface,vm=other mtu=1i", ""].map((bridge) => ({
      ...data,
      bridge: fromText(bridge),
    }));
    const lines = statisticsLines("x", { ...sample, memory: undefined, hypervisor: [], interfaces }, now, false).split(
      "\n",
    );
    assert.deepEqual(
      lines.map((line) => line.replace(/ send_queue_length.*/, "").replace(/ utime.*/, "")),
      [
        "resource_usage,vm=x",
        "interface,vm=x,bridge=a\\ b\\,c\\=d/",
        "interface,vm=x,bridge=x\\ninterface\\,vm\\=other\\ mtu\\=1i",
        "interface,vm=x",
        "",
      ],
    );
  });

  it("have a negative uptime if the clock was set back", () => {
    const [, memory] = statisticsLines("x", sample, 1_795_296_000_000, false).split("\n");
    assert.match(memory ?? "", /uptime=-0\.250000$/);
  });

  for (const [name, dropPath, tag] of [
    ["foo:hello", true, "hello"],
    ["foo:hello", false, "foo:hello"],
    [":hello", false, ":hello"],
    ["foo:", true, "foo:"],
  ] as const) {
    it(`of ${name} have the tag ${tag}${dropPath ? "" : " with --no-drop-path"}`, () => {
      assert.equal(vmTag(parseName(name), dropPath), tag);
    });
  }
});

it("floats of the daemons are printed as by printf's %g", () => {
  const expected: readonly (readonly [number, string])[] = [
    [0, "0"],
    [0.25, "0.25"],
    [100_000, "100000"],
    [999_999.5, "1e+06"],
    [1_234_567, "1.23457e+06"],
    [0.0001, "0.0001"],
    [0.000_012_34, "1.234e-05"],
    [-3.5, "-3.5"],
    [123_456, "123456"],
  ];
  for (const [value, text] of expected) assert.equal(general(value), text);
});

describe("the queue of lines", () => {
  const bytes = (size: number) => new Uint8Array(size);

  it("takes its limit, and one byte more costs the oldest piece", () => {
    const queue = new LineQueue(100);
    queue.push(bytes(60));
    queue.push(bytes(40));
    assert.deepEqual([queue.bytes, queue.dropped], [100, 0]);
    queue.push(bytes(1));
    assert.deepEqual([queue.bytes, queue.dropped], [41, 1]);
    queue.push(bytes(101));
    assert.deepEqual([queue.bytes, queue.dropped], [0, 4], "a piece that never fits is dropped, too");
  });

  it("gives whole pieces in order, at least one", () => {
    const queue = new LineQueue();
    assert.equal(queue.take(10), undefined);
    for (const size of [8, 2, 1, 50]) queue.push(bytes(size).fill(size));
    assert.equal(queue.take(10)?.length, 10);
    assert.equal(queue.take(10)?.length, 1);
    assert.equal(queue.take(10)?.length, 50);
    assert.equal(queue.bytes, 0);
  });
});
