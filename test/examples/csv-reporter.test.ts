import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { loadPlugin } from "../../plugins/load.ts";
import type { Report } from "../../plugins/reporter.ts";
import { LineLog } from "../plugins/plugin-files.ts";
import { sampleStatistics } from "../support/statistics.ts";
import { copyExample } from "./copy-example.ts";

describe("the CSV reporter", { skip: process.versions.bun === undefined }, () => {
  const folder = mkdtempSync(join(tmpdir(), "csv-"));
  after(() => rmSync(folder, { recursive: true }));

  const load = async (options: Readonly<Record<string, unknown>>) => {
    const { plugin } = await loadPlugin(
      { file: copyExample("csv-reporter.ts"), options },
      "albatross-stats",
      new LineLog(),
    );
    return plugin.reporters?.[0] ?? assert.fail("it has no reporter");
  };
  const samples = (...names: readonly string[]): readonly Report[] =>
    names.map((name) => ({ name, time: Date.UTC(2026, 0, 2, 3, 4, 5, 6), statistics: sampleStatistics }));

  it("appends a line for each sample, below a head", async () => {
    const file = join(folder, "stats.csv");
    const reporter = await load({ file });
    await reporter.report(samples(":a", "foo:b"));
    await (await load({ file })).report(samples(":a")); // another start of the daemon
    const lines = readFileSync(file, "utf8").trimEnd().split("\n");
    assert.deepEqual(
      lines.map((line) => line.split(",").slice(0, 2).join(" ")),
      [
        "time unikernel",
        "2026-01-02T03:04:05.006Z :a",
        "2026-01-02T03:04:05.006Z foo:b",
        "2026-01-02T03:04:05.006Z :a",
      ],
    );
    for (const line of lines) assert.equal(line.split(",").length, 7);
  });

  it("begins a new file when the old one is full, and not before", async () => {
    const file = join(folder, "small.csv");
    await (await load({ file })).report(samples(":a"));
    const size = readFileSync(file).length;
    await (await load({ file, maxBytes: size + 1 })).report(samples(":b"));
    assert.equal(existsSync(`${file}.1`), false);
    await (await load({ file, maxBytes: readFileSync(file).length })).report(samples(":c"));
    assert.match(readFileSync(`${file}.1`, "utf8"), /:b/);
    assert.match(readFileSync(file, "utf8"), /^time,.*\n[^\n]*,:c,[^\n]*\n$/);
  });

  it("is not loaded without a file", async () => {
    for (const options of [{}, { file: "stats.csv" }, { file: join(folder, "x"), maxBytes: 0 }]) {
      await assert.rejects(load(options), /give a/);
    }
  });
});
