/**
 * The help of every command against `golden/`. After a wanted change: `UPDATE_GOLDEN=1 bun test test/cli/help.test.ts`,
 * and read the difference.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { describe, it } from "node:test";
import { commandManual } from "../../cli/help/manual.ts";
import { renderRoff } from "../../cli/help/render-roff.ts";
import { parseArguments } from "../../cli/parse.ts";
import { registry } from "../../cli/registry.ts";
import { UsageError } from "../../cli/usage-error.ts";
import { runClient } from "./run-client.ts";

const golden = join(import.meta.dirname, "golden");
const names = [...registry.keys()];

const goldenFile = (name: string) => `${name.replaceAll(" ", "-")}.txt`;

async function checkGolden(file: string, words: readonly string[]): Promise<void> {
  const got = await runClient(words);
  assert.deepEqual({ status: got.status, stderr: got.stderr }, { status: 0, stderr: "" });
  const path = join(golden, file);
  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(path, got.stdout);
  assert.equal(got.stdout, readFileSync(path, "utf8"));
}

describe("help", () => {
  for (const name of names) {
    it(`of ${name} is as it was`, () => checkGolden(goldenFile(name), [...name.split(" "), "--help=plain"]));
  }

  it("of the program is as it was, and shown without arguments", async () => {
    await checkGolden("albatross-client.txt", ["--help"]);
    await checkGolden("albatross-client.txt", []);
    await checkGolden("albatross-client.txt", ["-h"]);
  });

  it("of a group of commands is as it was", () => checkGolden("remote.txt", ["remote", "--help"]));

  it("has no golden file too many", () => {
    const expected = [...names, "albatross-client", "remote"].map(goldenFile).sort();
    assert.deepEqual(readdirSync(golden).sort(), expected);
  });

  it("comes whatever else is wrong, and the version, too", async () => {
    const help = readFileSync(join(golden, "create.txt"), "utf8");
    assert.equal((await runClient(["create", "--nonsense", "a", "b", "c", "--help"])).stdout, help);
    assert.match((await runClient(["create", "--version"])).stdout, /^version \d+\.\d+\.\d+\S* protocol version 5\n$/);
    assert.match((await runClient(["--version"])).stdout, /^version \d+\.\d+\.\d+\S* protocol version 5\n$/);
  });

  it("is a manual page with groff", async () => {
    const { stdout } = await runClient(["info", "--help=groff"]);
    const definition = await registry.get("info")?.definition();
    assert.ok(definition);
    assert.equal(stdout, renderRoff(commandManual(definition, "albatross-client")));
    assert.match(stdout, /^\.TH "ALBATROSS-CLIENT-INFO" 1 /);
    assert.ok(!/^[.'](?!TH|SH|TP|PP)/m.test(stdout), "a text line would be taken for a request");
  });
});

describe("the definitions", () => {
  for (const name of names) {
    it(`${name}: flags are unique, examples can be parsed, defaults have their own syntax`, async () => {
      const definition = await registry.get(name)?.definition();
      assert.ok(definition);
      assert.equal(definition.name, name);
      const flags = Object.values(definition.options).flatMap((option) => option.flags);
      assert.equal(new Set(flags).size, flags.length);
      assert.ok(definition.examples.length > 0);
      for (const { line } of definition.examples) {
        assert.ok(line === name || line.startsWith(`${name} `), line);
        const words = line
          .slice(name.length + 1)
          .split(" ")
          .filter((word) => word !== "");
        try {
          parseArguments(
            definition,
            words.map((word) => word.replace(/[^=]*\.(hvt|img|key|pem|req)$/, import.meta.filename)),
          );
        } catch (error) {
          assert.ok(error instanceof UsageError);
          assert.fail(`${line}: ${error.message}`);
        }
      }
      assert.ok(!definition.summary.endsWith("."));
    });
  }
  it("are in alphabetical order", () => assert.deepEqual(names, [...names].sort()));
});
