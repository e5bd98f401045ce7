/** State files of the original of every version, shown and taken apart. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { deflateSync } from "node:zlib";
import { fromText } from "../../core/byte-string.ts";
import { parseName } from "../../core/name.ts";
import type { UnikernelConfig } from "../../core/unikernel.ts";
import { decodeState, encodeState } from "../../core/wire/state.ts";
import { unhex, vectorList } from "../support/vectors.ts";
import { runClient } from "./run-client.ts";

let directory = "";
before(() => {
  directory = mkdtempSync(join(tmpdir(), "albatross-dump-"));
});
after(() => rmSync(directory, { recursive: true }));

const config: UnikernelConfig = {
  type: "solo5",
  compressed: false,
  image: new Uint8Array(140_752).fill(7),
  failBehaviour: { kind: "restart", exitCodes: [] },
  startup: 1,
  addName: false,
  cpuIds: [0],
  memory: 16,
  blockDevices: [],
  networks: [{ name: fromText("service0"), bridge: fromText("service"), mac: undefined }],
  arguments: undefined,
  cpus: 1,
  linuxBootPartition: undefined,
};
const limits = { unikernels: 4, cpuIds: [0], memory: 100, block: 20, bridges: [fromText("service")] };

/** The recorded state of the original, in its words. */
const recorded = [
  "typ solo5 compression false image 140752 bytes",
  "fail behaviour restart all except 1 startup at 1 add_name false CPUids 0",
  "16 MB memory block devices  bridge service0 -> service #cpus 1",
  "linux_boot not specified",
].join("\n");

function writeState(file: string, unikernels: readonly [string, UnikernelConfig][]): void {
  const state = encodeState({
    unikernels: unikernels.map(([name, value]) => ({ name: parseName(name), value })),
    policies: [{ name: parseName("foo:"), value: limits }],
  });
  writeFileSync(join(directory, file), state);
}

const client = (...words: readonly string[]) =>
  runClient([...words, `--dbdir=${directory}`], { env: { TMPDIR: directory } });

describe("inspect-dump", () => {
  it("says what the original says", async () => {
    writeState("state", [["restart1", config]]);
    const expected = `parsed 1 unikernels:\n[unikernel: :restart1]: ${recorded}\nparsed 1 policies:\n[unikernel: foo:]: policy: 4 unikernels 0 CPUids 100 MB memory 20 MB block, bridges: service\n`;
    for (const words of [[], ["--file=state"], [`--file=${directory}/state`]]) {
      assert.deepEqual(await client("inspect-dump", ...words), { status: 0, stdout: expected, stderr: "" });
    }
    const loud = await client("inspect-dump", "-vv");
    assert.equal(loud.stdout, expected.replace("not specified\nparsed", "not specified argv no\nparsed"));
  });

  it("gives JSON", async () => {
    writeState("state", [["restart1", config]]);
    const { stdout } = await client("inspect-dump", "--json");
    const { unikernels, policies, ...rest } = JSON.parse(stdout) as Record<string, readonly Record<string, unknown>[]>;
    assert.deepEqual(rest, { kind: "dump", file: `${directory}/state` });
    assert.deepEqual(
      [
        unikernels?.[0]?.["name"],
        unikernels?.[0]?.["imageBytes"],
        unikernels?.[0]?.["digest"],
        unikernels?.[0]?.["addName"],
      ],
      [":restart1", 140_752, null, false],
    );
    assert.deepEqual([policies?.[0]?.["name"], policies?.[0]?.["memoryMb"]], ["foo:", 100]);
  });

  for (const vector of vectorList("state.json")) {
    const bytes = unhex(vector.hex ?? "");
    it(`${vector.error === undefined ? "reads" : "refuses"} ${vector.description}`, async () => {
      writeFileSync(join(directory, "vector"), bytes);
      const { status, stdout, stderr } = await client("inspect-dump", "--file=vector");
      assert.equal(stderr, "");
      if (vector.error !== undefined) {
        assert.equal(status, 124);
        assert.match(stdout, /^albatross-client: \[ERROR\] couldn't parse dump file: .+\n$/);
        return;
      }
      const { unikernels, policies } = decodeState(bytes);
      assert.equal(status, 0);
      assert.ok(stdout.startsWith(`parsed ${unikernels.length} unikernels:\n`));
      assert.ok(stdout.includes(`\nparsed ${policies.length} policies:\n`));
      for (const { name } of unikernels) assert.ok(stdout.includes(`\n${name.toDisplay()}: typ `), name.text);
      for (const { name } of policies) assert.ok(stdout.includes(`\n${name.toDisplay()}: policy: `), name.text);
    });
  }

  it("tells what is missing or cannot be read, and never succeeds then", async () => {
    const error = async (text: RegExp, ...words: readonly string[]) => {
      const { status, stdout } = await client("inspect-dump", ...words);
      assert.deepEqual([status, text.test(stdout)], [124, true], stdout);
    };
    await error(/^albatross-client: \[ERROR\] dump file not found\n$/, "--file=nothing");
    symlinkSync("circle", join(directory, "circle")); // as a directory that this user may not look into
    await error(/^albatross-client: \[ERROR\] error while reading dump file: ELOOP.+\n$/, "--file=circle");
    mkdirSync(join(directory, "folder"));
    await error(/^albatross-client: \[ERROR\] error while reading dump file: .+\n$/, "--file=folder");
    writeFileSync(join(directory, "empty"), "");
    await error(/couldn't parse dump file: /, "--file=empty");
    writeFileSync(join(directory, "sqlite"), "SQLite format 3\0 and nothing more");
    await error(/couldn't parse dump file: Cannot read the database /, "--file=sqlite");
    const missing = await runClient(["inspect-dump", `--dbdir=${directory}/missing`]);
    assert.deepEqual([missing.status, missing.stdout], [124, ""]);
  });
});

describe("extract-dump", () => {
  const downloaded = () => readdirSync(directory).filter((file) => file.includes("restart1"));

  it("writes the image, uncompressed, and shows the configuration with its arguments", async () => {
    for (const compressed of [false, true]) {
      const image = compressed ? new Uint8Array(deflateSync(config.image)) : config.image;
      writeState("state", [["restart1", { ...config, compressed, image }]]);
      const { status, stdout, stderr } = await client("extract-dump", "restart1");
      assert.deepEqual([status, stderr], [0, ""]);
      const [file = ""] = downloaded();
      const described = compressed ? recorded.replace("false image 140752", `true image ${image.length}`) : recorded;
      assert.equal(
        stdout.replaceAll(/\s+/g, " "),
        `dumped image to ${directory}/${file} ${described} argv no `.replaceAll(/\s+/g, " "),
      );
      assert.match(file, /^:restart1\.\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d-00:00$/);
      assert.ok(Buffer.from(config.image).equals(readFileSync(join(directory, file))));
      rmSync(join(directory, file));
    }
  });

  it("leaves no file behind if the image is broken, and does not succeed", async () => {
    writeState("state", [["restart1", { ...config, compressed: true }]]);
    const { status, stdout } = await client("extract-dump", "restart1");
    assert.equal(status, 121);
    assert.match(stdout, /\[ERROR\] Cannot unpack the image/);
    assert.deepEqual(downloaded(), []);
  });

  it("says if there is no such unikernel, or no file", async () => {
    writeState("state", [["restart1", config]]);
    const none = await client("extract-dump", "tenant:thello");
    assert.deepEqual(none, { status: 124, stdout: "albatross-client: [ERROR] unikernel not found\n", stderr: "" });
    const missing = await client("extract-dump", "restart1", "--file=nothing");
    assert.deepEqual([missing.status, missing.stdout], [124, "albatross-client: [ERROR] dump file not found\n"]);
  });

  it("fails where it cannot write", async () => {
    writeState("state", [["restart1", config]]);
    const got = await runClient(["extract-dump", "restart1", `--dbdir=${directory}`], {
      env: { TMPDIR: `${directory}/missing` },
    });
    assert.equal(got.status, 124);
    assert.match(got.stdout, /\[ERROR\] Cannot create /);
  });

  it("gives JSON", async () => {
    writeState("state", [["restart1", config]]);
    const { stdout } = await client("extract-dump", "restart1", "--json");
    const object = JSON.parse(stdout) as Record<string, unknown>;
    assert.deepEqual([object["kind"], object["name"], object["memoryMb"]], ["dump-image", ":restart1", 16]);
    assert.ok(Buffer.from(config.image).equals(readFileSync(`${object["file"]}`)));
    rmSync(`${object["file"]}`);
  });
});
