/**
 * The role `albatross wire`, run as a process.
 *
 * @module
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { VERSION } from "../../../core/version.ts";
import { LINE_LIMIT, LineSplitter, TOO_LONG } from "../../../daemon/wire-tool/lines.ts";
import { PEM_CHARACTERS_MAX } from "../../../pki/pem.ts";
import { readVectors, type Vector, vectorList } from "../../support/vectors.ts";

const program = fileURLToPath(new URL("../../../main.ts", import.meta.url));

/** How to run a program of ours on the runtime that runs this test. */
const runtimeArguments = "Deno" in globalThis ? ["run", "-A", program] : [program];

/** Runs the role on an input; the answers, one per line. */
async function run(
  args: readonly string[],
  input: string | Uint8Array,
): Promise<{ status: number | null; lines: string[]; readAll: boolean }> {
  const child = spawn(process.execPath, [...runtimeArguments, "wire", ...args], { stdio: ["pipe", "pipe", "ignore"] });
  const parts: Uint8Array[] = [];
  child.stdout.on("data", (part: Uint8Array) => parts.push(part));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  let readAll = true;
  child.stdin.on("error", () => {
    readAll = false; // the child may refuse its arguments and end first
  });
  child.stdin.end(input);
  const status = await ended;
  const text = Buffer.concat(parts).toString("utf8");
  assert.ok(text === "" || text.endsWith("\n"));
  return { status, lines: text === "" ? [] : text.slice(0, -1).split("\n"), readAll };
}

async function answers(kind: string, lines: readonly string[]): Promise<readonly Vector[]> {
  const { status, lines: got } = await run([kind], `${lines.join("\n")}\n`);
  assert.equal(status, 0);
  assert.equal(got.length, lines.length);
  return got.map((line) => JSON.parse(line));
}

describe("albatross wire", () => {
  it("shows messages in the shape of the vectors", async () => {
    const vectors = vectorList("wire.json").filter(({ hex }) => hex !== undefined);
    const got = await answers(
      "message",
      vectors.map(({ hex }) => hex ?? ""),
    );
    vectors.forEach((vector, index) => {
      const { header, value, reencoded, ...printed } = got[index] ?? {};
      const decoded = vector.decoded_differs === false ? vector : vector.decoded_differs;
      assert.deepEqual({ header, value }, { header: vector.header, value: decoded?.value });
      if (vector.roundtrip === true) assert.equal(reencoded, vector.hex);
      if (vector.decoded_differs !== false) return;
      const { pretty, pretty_verbose, pretty_nowrap } = vector;
      assert.deepEqual(printed, { pretty, pretty_verbose, pretty_nowrap });
    });
  });

  it("shows extensions, state files, names, policies and restart decisions likewise", async () => {
    const extensions = vectorList("cert_extension.json");
    const shown = await answers(
      "extension",
      extensions.map(({ hex }) => hex ?? ""),
    );
    extensions.forEach(({ hex, error }, index) => {
      if (error === undefined) assert.equal(shown[index]?.reencoded, hex);
      else assert.deepEqual(shown[index], { error });
    });
    const states = vectorList("state.json");
    const read = await answers(
      "state",
      states.map(({ hex }) => hex ?? ""),
    );
    states.forEach(({ unikernels, policies, reencoded, error }, index) => {
      if (error === undefined) assert.deepEqual(read[index], { unikernels, policies, reencoded });
      else assert.deepEqual(Object.keys(read[index] ?? {}), ["error"]);
    });
    const { names, of_list: lists } = readVectors("names.json") as {
      readonly names: readonly { readonly input: string }[];
      readonly of_list: readonly { readonly input: readonly string[] }[];
    };
    const plain = names.map(({ input }) => (input.includes("\n") ? JSON.stringify(input) : input));
    assert.deepEqual(await answers("name", plain), names);
    assert.deepEqual(
      await answers(
        "name",
        lists.map(({ input }) => JSON.stringify(input)),
      ),
      lists,
    );
    for (const cases of Object.values(readVectors("policies.json") as Record<string, readonly Vector[]>)) {
      const verdicts = await answers(
        "policy",
        cases.map((one) => JSON.stringify(one)),
      );
      cases.forEach((one, index) => {
        assert.deepEqual({ ...one, ...verdicts[index] }, one);
      });
      assert.ok(verdicts.every((verdict) => "result" in verdict || ("usable" in verdict && "pretty" in verdict)));
    }
    const restarts = vectorList("restart.json");
    const decisions = await answers(
      "restart",
      restarts.map((one) => JSON.stringify(one)),
    );
    restarts.forEach(({ should_restart }, index) => {
      assert.deepEqual(decisions[index], { should_restart });
    });
  });

  it("encodes what it shows", async () => {
    const vectors = vectorList("wire.json").filter(({ hex, roundtrip }) => hex !== undefined && roundtrip === true);
    const got = await answers(
      "encode",
      vectors.map((one) => JSON.stringify(one)),
    );
    vectors.forEach(({ hex }, index) => {
      assert.deepEqual(got[index], { hex });
    });
    const [extension] = vectorList("cert_extension.json");
    assert.deepEqual(await answers("encode", [JSON.stringify(extension)]), [{ hex: extension?.hex }]);
  });

  it("answers garbage with an error and goes on", async () => {
    const garbage = [
      "",
      "zz",
      "0",
      "30",
      "{",
      '{"a":1}',
      "[[]]",
      "null",
      '"',
      "[1]",
      "\u0000",
      "é",
      "a".repeat(1_000_000),
      "[".repeat(100_000),
    ];
    for (const kind of ["message", "extension", "state", "policy", "restart", "encode"]) {
      for (const answer of await answers(kind, garbage)) assert.deepEqual(Object.keys(answer), ["error"]);
    }
    assert.equal((await answers("name", garbage)).length, garbage.length);
    const noise = Buffer.from(Array.from({ length: 5000 }, (_, at) => (at * 7919 + (at >> 3)) % 256));
    const { status, lines } = await run(["message"], noise);
    assert.equal(status, 0);
    assert.ok(lines.every((line) => "error" in JSON.parse(line)));
  });

  it("takes a last line without an end, line ends of other systems, and upper-case digits", async () => {
    const hex = "301A3010020105040800000000000000000C013AA006A304B3020500";
    const { lines } = await run(["message"], `${hex}\r\n\r\n ${hex}`);
    assert.equal(lines.length, 3);
    assert.equal(lines[0], lines[2]);
    assert.ok(JSON.parse(lines[0] ?? "").header !== undefined);
    assert.deepEqual(JSON.parse(lines[1] ?? ""), { error: "buffer too short" });
    assert.deepEqual((await run(["message"], "")).lines, []);
  });

  it("answers at once", async () => {
    const child = spawn(process.execPath, [...runtimeArguments, "wire", "name"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const ended = new Promise((resolve) => child.on("close", resolve));
    try {
      for (const name of ["foo:", "bar"]) {
        const answer = new Promise<string>((resolve) => child.stdout.once("data", (part) => resolve(String(part))));
        child.stdin.write(`${name}\n`);
        assert.equal(JSON.parse(await answer).input, name);
      }
    } finally {
      child.stdin.end();
      assert.equal(await ended, 0);
    }
  });

  it("explains itself when called wrongly", async () => {
    assert.equal((await run([], "")).status, 124);
    assert.equal((await run(["nonsense"], "00\n")).status, 124);
    assert.equal((await run(["message", "more"], "00\n")).status, 124);
    const { status, lines } = await run(["--help"], "");
    assert.equal(status, 0);
    assert.match(lines[0] ?? "", /^Usage: albatross wire message\|extension\|state/);
    assert.deepEqual((await run(["--version"], "")).lines, [`version ${VERSION} protocol version 5`]);
  });
});

describe("lines", () => {
  it("are kept up to the limit, and skipped one byte beyond", () => {
    for (const size of [1, 2, 5, 100]) {
      const splitter = new LineSplitter(5);
      const stream = Buffer.from("12345\n123456\n\n1\r\n1234567890123");
      const got: (string | typeof TOO_LONG)[] = [];
      for (let at = 0; at < stream.length; at += size) got.push(...splitter.push(stream.subarray(at, at + size)));
      assert.deepEqual(got, ["12345", TOO_LONG, "", "1"]);
      assert.equal(splitter.finish(), TOO_LONG);
      assert.equal(splitter.finish(), undefined);
    }
    assert.equal(LINE_LIMIT, 64 * 1024 * 1024);
  });
});

describe("albatross wire chain", () => {
  it("shows what a chain in PEM asks for, on one line", async () => {
    const [vector] = vectorList("tls_handle.json").filter(({ description }) => description === "tenant leaf");
    const { status, lines } = await run(["chain"], String(vector?.["chain_pem"]));
    assert.equal(status, 0);
    assert.deepEqual(
      lines.map((line) => JSON.parse(line)),
      [vector?.["handle"]],
    );
  });

  it("answers anything else with an error", async () => {
    const answer = async (input: string | Uint8Array) => (await run(["chain"], input)).lines;
    assert.deepEqual(await answer(""), ['{"error":"empty chain"}']);
    assert.deepEqual(await answer("junk"), ['{"error":"empty chain"}']);
    const cut = "-----BEGIN CERTIFICATE-----\nAAAA\n";
    assert.deepEqual(await answer(cut), ['{"error":"Cannot read PEM: the block CERTIFICATE does not end"}']);
    const wrong = `${cut}-----END CERTIFICATE-----\n`;
    assert.match((await answer(wrong))[0] ?? "", /^\{"error":"Cannot read the certificate: /);
    const long = await run(["chain"], new Uint8Array(PEM_CHARACTERS_MAX + 2 ** 22));
    assert.ok(long.readAll);
    assert.deepEqual(long.lines, [`{"error":"input longer than ${PEM_CHARACTERS_MAX} bytes"}`]);
    assert.equal((await run(["chain", "x"], "")).status, 124);
  });
});
