import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { requireAbiVersion, VERSION_CACHE_LIMIT, VERSION_OUTPUT_LIMIT } from "../../backends/tender-version.ts";
import { versionScript, writeScript } from "./fake-tender.ts";

const searchPath = "/usr/bin:/bin";

describe("asking a tender for its version", () => {
  let directory = "";
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "tender-version-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const tender = (body: string, name = "tender") => writeScript(join(directory, name), body);
  const unexpected = (got: string, version = 2) => ({
    name: "BackendRefusal",
    message: `unexpected solo5 tender --version output, expected one line with 'ABI version ${version}', got ${got}`,
  });
  const count = (name: string) => readFileSync(join(directory, name), "utf8").length;

  it("accepts the right one, on standard error or output", async () => {
    await requireAbiVersion(tender(versionScript(2)), 2, searchPath);
    await requireAbiVersion(tender("echo 'ABI version 3'"), 3, searchPath);
  });

  it("passes --version and nothing else", async () => {
    await requireAbiVersion(tender('[ "$*" = --version ] && echo "ABI version 2"'), 2, searchPath);
  });

  it("refuses others in the original's words", async () => {
    const got = "solo5-hvt tender, version v0.12.1 ABI version 1";
    await assert.rejects(requireAbiVersion(tender(versionScript(1)), 2, searchPath), unexpected(got));
    await assert.rejects(requireAbiVersion(tender(versionScript(22), "other"), 2, searchPath), {
      name: "BackendRefusal",
    });
    await assert.rejects(
      requireAbiVersion(tender("echo ' ABI version 2'", "blank"), 2, searchPath),
      unexpected("ABI version 2"),
    );
    await assert.rejects(requireAbiVersion(tender("true", "silent"), 2, searchPath), unexpected(""));
  });

  it("shows garbage shortened and without control characters", async () => {
    await assert.rejects(requireAbiVersion(tender("printf 'a\\033[1mb'"), 2, searchPath), unexpected("a [1mb"));
    const long = tender("head -c 4096 /dev/zero | tr '\\0' x", "long");
    await assert.rejects(requireAbiVersion(long, 2, searchPath), unexpected(`${"x".repeat(400)}…`));
  });

  it("takes output up to the limit and refuses one byte more", async () => {
    const line = "ABI version 2\n";
    const script = (bytes: number) => `echo 'ABI version 2'; head -c ${bytes - line.length} /dev/zero >&2`;
    await requireAbiVersion(tender(script(VERSION_OUTPUT_LIMIT)), 2, searchPath);
    await assert.rejects(requireAbiVersion(tender(script(VERSION_OUTPUT_LIMIT + 1), "more"), 2, searchPath), {
      name: "BackendRefusal",
      message: /it printed more than 4096 bytes/,
    });
  });

  it("ends a tender that prints for ever", async () => {
    const pidFile = join(directory, "pid");
    const endless = tender(`echo $$ > ${pidFile}; while :; do echo "ABI version 2"; done`);
    await assert.rejects(requireAbiVersion(endless, 2, searchPath), /it printed more than 4096 bytes/);
    await untilGone(Number(readFileSync(pidFile, "utf8")));
  });

  it("ends a tender that hangs, and what it started", async () => {
    const pidFile = join(directory, "pid");
    const hanging = tender(`sleep 1000 & echo $! > ${pidFile}; wait`);
    await assert.rejects(requireAbiVersion(hanging, 2, searchPath, 300), {
      name: "BackendRefusal",
      message: /it did not answer --version within 0.3 s/,
    });
    await untilGone(Number(readFileSync(pidFile, "utf8")));
  });

  it("does not wait for what a tender leaves behind", async () => {
    const pidFile = join(directory, "pid");
    const started = Date.now();
    const leaving = tender(`sleep 1000 & echo $! > ${pidFile}; echo "ABI version 2"`);
    await assert.rejects(requireAbiVersion(leaving, 2, searchPath, 300), /within 0.3 s/);
    assert.ok(Date.now() - started < 5_000);
    await untilGone(Number(readFileSync(pidFile, "utf8")));
  });

  it("refuses what cannot be started or is not there", async () => {
    const broken = tender("");
    writeScript(broken, "true");
    rmSync(broken);
    await assert.rejects(requireAbiVersion(broken, 2, searchPath), /Cannot look at the tender .*: ENOENT/);
    await assert.rejects(requireAbiVersion("/etc/passwd", 2, searchPath), /Cannot ask the tender .*: EACCES/);
  });

  it("is done once per file, also for many at the same time", async () => {
    const log = join(directory, "log");
    const counting = tender(`printf x >> ${log}; ${versionScript(2)}`);
    await Promise.all(Array.from({ length: 20 }, () => requireAbiVersion(counting, 2, searchPath)));
    await requireAbiVersion(counting, 2, searchPath);
    await assert.rejects(requireAbiVersion(counting, 3, searchPath), { name: "BackendRefusal" });
    assert.equal(count("log"), 1);
  });

  it("is done again when the file is another one", async () => {
    const log = join(directory, "log");
    const path = tender(`printf x >> ${log}; ${versionScript(2)}`);
    await requireAbiVersion(path, 2, searchPath);
    tender(`printf x >> ${log}; ${versionScript(3)}`);
    await requireAbiVersion(path, 3, searchPath);
    assert.equal(count("log"), 2);
  });

  it("is done again after it went wrong", async () => {
    const ready = join(directory, "ready");
    const path = tender(`[ -e ${ready} ] || sleep 1000; ${versionScript(2)}`);
    await assert.rejects(requireAbiVersion(path, 2, searchPath, 200), /within 0.2 s/);
    writeScript(ready, "");
    assert.ok(existsSync(ready));
    await requireAbiVersion(path, 2, searchPath);
  });

  it("remembers as many tenders as the limit says", async () => {
    const log = join(directory, "log");
    const paths = Array.from({ length: VERSION_CACHE_LIMIT + 1 }, (_, index) =>
      tender(`printf x >> ${log}; ${versionScript(2)}`, `tender${index}`),
    );
    const [first, ...others] = paths;
    assert.ok(first !== undefined);
    await requireAbiVersion(first, 2, searchPath);
    for (const path of others.slice(0, -1)) await requireAbiVersion(path, 2, searchPath);
    await requireAbiVersion(first, 2, searchPath);
    assert.equal(count("log"), VERSION_CACHE_LIMIT, "the limit is kept");
    await requireAbiVersion(others.at(-1) ?? first, 2, searchPath);
    await requireAbiVersion(first, 2, searchPath);
    assert.equal(count("log"), VERSION_CACHE_LIMIT + 2, "one more than the limit drives out the oldest");
  });
});

async function untilGone(pid: number): Promise<void> {
  for (let round = 0; round < 100; round++) {
    if (!existsSync(`/proc/${pid}`) || /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail(`process ${pid} still runs`);
}
