import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ansiStyle, plainStyle } from "../../cli/style.ts";
import { formatUsageError, UsageError } from "../../cli/usage-error.ts";
import { distance, suggest } from "../../client/suggest.ts";
import { makeImage } from "../backends/synthetic-image.ts";
import { recordedCall } from "./recorded-calls.ts";
import { runClient } from "./run-client.ts";

let directory = "";
let image = "";

before(() => {
  directory = mkdtempSync(join(tmpdir(), "albatross-usage-"));
  image = join(directory, "net.hvt");
  writeFileSync(image, makeImage({ devices: [{ name: "service0", type: 2 }] }));
});

after(() => rmSync(directory, { recursive: true }));

describe("usage errors", () => {
  const recorded: readonly (readonly [string, () => readonly string[]])[] = [
    ["create hello /nonexistent", () => ["create", "hello", "/nonexistent", "--mem=16"]],
    ["create bad_name!", () => ["create", "bad_name!", image]],
    ["info foo", () => ["info", "foo"]],
    ["info --name=", () => ["info", "--name="]],
  ];
  for (const [part, words] of recorded) {
    it(`${part}: to the letter as recorded, styles included`, async () => {
      const { stderr, status } = recordedCall(part);
      const got = await runClient([...words(), "--color=always"]);
      assert.deepEqual(got, { status, stdout: "", stderr });
    });
  }

  it("a manifest mismatch has the recorded text, and the options that fit", async () => {
    const { stderr, status } = recordedCall("create netmiss");
    const got = await runClient(["create", "netmiss", image, "--mem=16"]);
    assert.equal(got.status, status);
    assert.ok(got.stderr.startsWith(stderr), got.stderr);
    assert.equal(got.stderr.slice(stderr.length), `${" ".repeat(18)}These options fit: --net=service0:BRIDGE\n`);
    const block = await runClient(["create", "netmiss", image, "--net=service0", "--block=data"]);
    assert.match(block.stderr, /^albatross-client: specified block device\(s\) does not match with manifest\./);
  });

  it("are wrapped as recorded", () => {
    const bogus = recordedCall("bogus").stderr;
    const names =
      "add-policy block certificate console create create-block destroy destroy-block dump-block extract-dump generate get inactive-consoles info inspect-dump policy remove-policy replace-policy restart set-block sign stats stats-add stats-remove update";
    const error = new UsageError(
      (style) => {
        const quoted = names.split(" ").map((name) => style.quote(name));
        const list = `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
        return `${style.wrong("unknown")} command ${style.quote("bogus")}. Must be one of ${list}`;
      },
      { synopsis: true },
    );
    const synopsis = () => "\x1b[01malbatross-client\x1b[m [\x1b[01m--help\x1b[m] [\x1b[04mCOMMAND\x1b[m] …";
    assert.equal(formatUsageError(error, "albatross-client", synopsis, ansiStyle), bogus);
    const exclusive = new UsageError("The options --csr, --destination, and --socket are mutually exclusive");
    assert.equal(
      formatUsageError(exclusive, "albatross-client", () => "", plainStyle),
      recordedCall("info --csr --destination=127.0.0.1:10250").stderr,
    );
  });

  const texts: readonly (readonly [readonly string[], string])[] = [
    [["bogus"], "unknown command 'bogus'. Must be one of 'add-policy',"],
    [["inof"], "unknown command 'inof'. Did you mean 'info' or 'init'?"],
    [["restrat"], "unknown command 'restrat'. Did you mean 'restart'?"],
    [["--tmpdir=/", "info"], "unknown option '--tmpdir'"],
    [["create"], "required arguments UNIKERNEL-NAME, UNIKERNEL-IMAGE are missing"],
    [["destroy"], "required argument UNIKERNEL-NAME is missing"],
    [["destroy", "a", "b", "c"], "too many arguments, don't know what to do with 'b', 'c'"],
    [["info", "--socket=a", "--socket=b"], "option '--socket' cannot be repeated"],
    [["info", "-n", "a", "--name=b"], "options '-n' and '--name' cannot be present at the same time"],
    [["info", "--nam=a"], "unknown option '--nam'. Did you mean '--name'?"],
    [["info", "--zzzzz"], "unknown option '--zzzzz'"],
    [["info", "--name"], "option '--name' needs an argument"],
    [["console", "a", "--count", "-1"], "option '--count' needs an argument. For a value like this write '--count=-1'"],
    [["info", "--json=yes"], "option '--json' is a flag, it cannot take the argument 'yes'"],
    [
      ["info", "--help=html"],
      "option '--help': invalid value 'html', expected one of 'auto', 'pager', 'groff' or 'plain'",
    ],
    [
      ["info", "--color=alwyas"],
      "option '--color': invalid value 'alwyas', expected one of 'auto', 'always' or 'never'. Did you mean 'always'?",
    ],
    [["info", "--tmpdir=/nonexistent"], "option '--tmpdir': no '/nonexistent' directory"],
    [["restart", "a", "--mem=x"], "option '--mem': invalid value 'x', expected an integer"],
    [["restart", "a", "--mem=0"], "option '--mem': invalid value '0', expected a size in MB (1 or above)"],
    [["add-policy", "", "1"], "PATH argument: invalid path: invalid label (only [a-zA-Z0-9-.] allowed, 1 to 63 chars)"],
  ];
  for (const [words, text] of texts) {
    it(`albatross-client ${words.join(" ")}`, async () => {
      const got = await runClient(words);
      assert.equal(got.status, 124);
      assert.equal(got.stdout, "");
      assert.match(got.stderr, /^Usage: albatross-client/);
      const flat = got.stderr.replaceAll(/\s+/g, " ");
      assert.ok(flat.includes(`albatross-client: ${text}`), got.stderr);
    });
  }

  const checks: readonly (readonly [readonly string[], string])[] = [
    [["create", "a", "IMAGE", "--net=x:a", "--net=x:b"], "Bridge names must be a set"],
    [["create", "a", "IMAGE", "--block=x", "--block=x"], "Block devices must be a set"],
    [["create", "a", "/etc/hostname"], "error during ELF parsing"],
    [["restart", "a", "--replace-arguments", "--net=x", "--net=x"], "Bridge names must be a set"],
  ];
  for (const [words, text] of checks) {
    it(`${text}: without the synopsis`, async () => {
      const got = await runClient(words.map((word) => (word === "IMAGE" ? image : word)));
      assert.deepEqual(got, { status: 124, stdout: "", stderr: `albatross-client: ${text}\n` });
    });
  }

  it("style is for terminals, unless it is asked for", async () => {
    const env = { TERM: "xterm" };
    assert.ok(!(await runClient(["bogus"], { env })).stderr.includes("\x1b"));
    assert.ok((await runClient(["bogus", "--color=always"], { env })).stderr.includes("\x1b"));
  });
});

describe("unusable policies", () => {
  for (const [words, text] of [
    [["add-policy", "foo", "0"], "Unusable policy with no unikernels"],
    [["replace-policy", "foo", "1", "--mem=16"], "Unusable policy with memory 16 MB <= 16 MB"],
    [["add-policy", "foo", "1", "--block=-1"], "Unusable policy with block -1 MB < 0 MB"],
  ] as const) {
    it(text, async () => {
      const got = await runClient(words);
      assert.deepEqual(got, { status: 124, stdout: `albatross-client: [ERROR] ${text}\n`, stderr: "" });
    });
  }

  it("are warned of what is odd", async () => {
    const got = await runClient(["add-policy", "foo", "1", "--cpu=1", "--cpu=1", "--socket=-"]);
    assert.ok(
      got.stdout.startsWith(
        "albatross-client: [WARNING] CPUids is not a set\nalbatross-client: [WARNING] policy without any network access\nout:\n",
      ),
    );
    const twice = await runClient(["add-policy", "foo", "1", "--network=a", "--bridge=a", "--socket=-"]);
    assert.ok(twice.stdout.startsWith("albatross-client: [WARNING] Bridges is not a set\nout:\n"));
  });
});

describe("the forms of options", () => {
  const dump = async (words: readonly string[]) => (await runClient([...words, "--socket=-"])).stdout;
  it("are all the same", async () => {
    const expected = await dump(["info", "--name=foo:"]);
    assert.match(expected, /foo:/);
    for (const words of [
      ["info", "--name", "foo:"],
      ["info", "-nfoo:"],
      ["info", "-n", "foo:"],
      ["info", "-qn", "foo:"],
      ["info", "-vqnfoo:"],
    ]) {
      assert.equal(await dump(words), expected, words.join(" "));
    }
  });
  it("come before, after and between arguments, until --", async () => {
    const expected = await dump(["destroy", "foo"]);
    assert.equal((await runClient(["destroy", "--socket=-", "foo", "-q"])).stdout, expected);
    assert.equal((await runClient(["destroy", "--socket=-", "--", "foo"])).stdout, expected);
    const after = await runClient(["destroy", "--socket=-", "--", "-q"]);
    assert.match(after.stderr, /UNIKERNEL-NAME argument: invalid name/);
  });
});

describe("suggestions", () => {
  it("count insertions, deletions, replacements and swaps", () => {
    assert.equal(distance("info", "info"), 0);
    assert.equal(distance("inof", "info"), 1);
    assert.equal(distance("", "abc"), 3);
    assert.equal(distance("kitten", "sitting"), 3);
  });
  it("are few", () => {
    assert.deepEqual(suggest("x", ["info", "get"]), []);
    assert.deepEqual(suggest("polcy", ["policy", "add-policy"]), ["policy"]);
    assert.deepEqual(suggest("inactive", ["inactive-consoles", "info"]), ["inactive-consoles"]);
    assert.deepEqual(suggest("stats", ["sets"]), ["sets"]);
  });
});
