import assert from "node:assert/strict";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { info } from "../../cli/commands/info.ts";
import { type Context, createContext } from "../../cli/context.ts";
import type { JsonObject } from "../../cli/json.ts";
import { parseArguments } from "../../cli/parse.ts";
import { infoOfAll, REMOTES_AT_ONCE } from "../../cli/remotes/info-all.ts";
import { CONFIG_BYTES_MAX } from "../../client/remotes.ts";
import { parseName } from "../../core/name.ts";
import type { UnikernelInfo } from "../../core/unikernel.ts";
import { encodeFrame } from "../../core/wire/message-codec.ts";
import { freePort, listenTls, type TlsPeer } from "../client/tls-peer.ts";
import { type FolderIssuer, PkiFolder } from "../support/pki-folder.ts";
import { Terminal } from "../support/terminal.ts";
import { clientCommand, runClient } from "./run-client.ts";

const folder = new PkiFolder();
let ca: FolderIssuer;
let home = "";
const peers: TlsPeer[] = [];

const noUnikernels = encodeFrame({
  header: { sequence: 0n, name: parseName(":") },
  payload: { kind: "success", success: { kind: "unikernels", unikernels: [] } },
});

before(async () => {
  ca = await folder.root("cacert");
});
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "albatross-remotes-"));
});
afterEach(async () => {
  for (const peer of peers.splice(0)) await peer.close();
  rmSync(home, { recursive: true });
});
after(() => folder.remove());

const client = (...words: string[]) => runClient(words, { env: { HOME: home }, cwd: home });
const configPath = () => join(home, ".config/albatross/config.json");
const files = () => [`--ca=${ca.cert}`, `--ca-key=${ca.key}`, `--server-ca=${ca.cert}`];

async function endpoint(reply: Uint8Array = noUnikernels): Promise<number> {
  const peer = await listenTls(await folder.server(ca), (socket) => void socket.end(reply));
  peers.push(peer);
  return peer.port;
}

function configure(text: string): void {
  mkdirSync(join(home, ".config/albatross"), { recursive: true });
  writeFileSync(configPath(), text);
}

describe("recorded remotes", () => {
  it("are added, listed and removed, in a file that only the user may read", async () => {
    assert.deepEqual(await client("remote", "list"), { status: 0, stdout: "no remotes\n", stderr: "" });
    const added = await client("remote", "add", "prod", "host.example.org", ...files(), "--server-name=host");
    assert.deepEqual(added, { status: 0, stdout: `added remote prod to ${configPath()}\n`, stderr: "" });
    assert.equal(statSync(configPath()).mode & 0o777, 0o600);
    await client("remote", "add", "lab", "[::1]:7");
    const listed = await client("remote", "list");
    assert.equal(
      listed.stdout,
      `lab [::1]:7 --ca=${home}/ca.pem --ca-key=${home}/ca.key --server-ca=${home}/cacert.pem\n` +
        `prod host.example.org:1025 ${files().join(" ")} --server-name=host\n`,
    );
    const removed = await client("remote", "remove", "prod");
    assert.deepEqual(removed, { status: 0, stdout: `removed remote prod from ${configPath()}\n`, stderr: "" });
    const json = JSON.parse((await client("remote", "list", "--json")).stdout) as { remotes: { name: string }[] };
    assert.deepEqual(
      json.remotes.map(({ name }) => name),
      ["lab"],
    );
  });

  it("are all kept if they are added at once", { timeout: 60_000 }, async () => {
    const names = Array.from({ length: 8 }, (_, at) => `host${at}`);
    const statuses = await Promise.all(names.map(async (each) => (await client("remote", "add", each, each)).status));
    assert.deepEqual(new Set(statuses), new Set([0]));
    const { remotes } = JSON.parse(readFileSync(configPath(), "utf8")) as { remotes: object };
    assert.deepEqual(Object.keys(remotes), names);
  });

  it("lie in XDG_CONFIG_HOME, unless that is relative", async () => {
    const env = { HOME: home, XDG_CONFIG_HOME: join(home, "xdg") };
    await runClient(["remote", "add", "a", "h"], { env, cwd: home });
    assert.ok(existsSync(join(home, "xdg/albatross/config.json")));
    await runClient(["remote", "add", "a", "h"], { env: { ...env, XDG_CONFIG_HOME: "xdg" }, cwd: home });
    assert.ok(existsSync(configPath()));
  });

  it("are written through a link, which stays", async () => {
    configure("{}");
    const real = join(home, "dotfiles.json");
    writeFileSync(real, "{}");
    rmSync(configPath());
    symlinkSync(real, configPath());
    assert.equal((await client("remote", "add", "a", "h")).status, 0);
    assert.ok(lstatSync(configPath()).isSymbolicLink());
    assert.match(readFileSync(real, "utf8"), /"host": "h"/);
  });

  const refused: readonly (readonly [readonly string[], RegExp])[] = [
    [["add", "prod", "h"], /There is a remote prod already/],
    [["add", "all", "h"], /The name all stands for all remotes/],
    [["add", "a b", "h"], /NAME argument: 'a b' is no name of a remote/],
    [["add", "a", "-"], /A remote needs a host/],
    [["add", "a", "h:70000"], /failed to parse port/],
    [["add", "a", "h", "--ca=/nonexistent"], /no '\/nonexistent' file or directory/],
    [["remove", "prdo"], /There is no remote 'prdo' in .*\. Did you mean 'prod'\?/],
    [["remove", "x"], /There is no remote 'x' in .*\. Recorded are 'prod'/],
  ];
  for (const [words, text] of refused) {
    it(`remote ${words.join(" ")}: refused, and nothing is changed`, async () => {
      await client("remote", "add", "prod", "h");
      const before = readFileSync(configPath());
      const got = await client("remote", ...words);
      assert.equal(got.status, 124);
      assert.match(got.stderr.replaceAll(/\s+/g, " "), text);
      assert.deepEqual(readFileSync(configPath()), before);
    });
  }
});

describe("a configuration that is broken", () => {
  const remote = (fields: string) => `{"remotes": {"a": {${fields}}}}`;
  const broken: readonly (readonly [string, string])[] = [
    ["[]", "the file: an object is expected, not []"],
    ["{", "it is no JSON ("],
    ['{"remote": {}}', "the file: unknown key \"remote\". Did you mean 'remotes'?"],
    ['{"remotes": {"": {}}}', "remotes.: '' is no name of a remote"],
    ['{"remotes": {"all": {}}}', "remotes.all: the name stands for all remotes"],
    ['{"remotes": {"a": 1}}', "remotes.a: an object is expected, not 1"],
    [remote(""), "remotes.a.host: a host name or an IP address is needed"],
    [remote('"host": "h", "port": "1"'), 'remotes.a.port: a number is expected, not "1"'],
    [remote('"host": "h", "port": 0'), "remotes.a: failed to parse port"],
    [remote('"host": "h h"'), "remotes.a: 'h h:1025': 'h h' is neither an IP address nor a host name"],
    [remote('"host": "h", "serverca": "x"'), "remotes.a: unknown key \"serverca\". Did you mean 'serverCa'?"],
    [remote('"host": "h", "ca": 1'), "remotes.a.ca: a text is expected, not 1"],
    [remote('"host": "h", "serverKey": "x"'), "remotes.a.serverKey: invalid value 'x', expected a SHA-256"],
    [" ".repeat(CONFIG_BYTES_MAX + 1), `it has more than ${CONFIG_BYTES_MAX} bytes`],
  ];
  for (const [text, complaint] of broken) {
    it(`${text.trim().slice(0, 60)}: says where`, async () => {
      configure(text);
      const got = await client("remote", "list");
      assert.equal(got.status, 124);
      assert.equal(got.stdout, "");
      assert.ok(got.stderr.replaceAll(/\s+/g, " ").includes(complaint), got.stderr);
      assert.equal((await client("remote", "add", "b", "h")).status, 124);
      assert.equal(readFileSync(configPath(), "utf8"), text, "it is left as it is");
    });
  }

  it("of exactly the largest size is read", async () => {
    configure("{}".padEnd(CONFIG_BYTES_MAX));
    assert.equal((await client("remote", "list")).stdout, "no remotes\n");
  });

  it("has files relative to its own directory", async () => {
    configure(remote('"host": "h", "ca": "keys/ca.pem"'));
    assert.equal((await client("remote", "list")).stdout, `a h:1025 --ca=${home}/.config/albatross/keys/ca.pem\n`);
  });
});

describe("--remote", () => {
  it("stands for destination and files", async () => {
    await client("remote", "add", "one", `127.0.0.1:${await endpoint()}`, ...files());
    const got = await client("info", "--remote=one");
    assert.deepEqual(got, { status: 0, stdout: "host [unikernel: :]: no unikernels\n", stderr: "" });
  });

  it("gives way to what is on the command line", async () => {
    await client("remote", "add", "one", `127.0.0.1:${await endpoint()}`, "--server-name=elsewhere", ...files());
    assert.equal((await client("info", "--remote=one")).status, 120);
    assert.equal((await client("info", "--remote=one", "--server-name=server")).status, 0);
  });

  it("excludes the other ways, and needs a recorded name", async () => {
    await client("remote", "add", "one", "h");
    for (const other of ["--csr", "--destination=h", "--socket=x"]) {
      const got = await client("info", "--remote=one", other);
      assert.equal(
        got.stderr.replaceAll(/\s+/g, " ").trim(),
        "albatross-client: The options --csr, --destination, --remote, and --socket are mutually exclusive",
      );
      assert.equal(got.status, 124);
    }
    const unknown = await client("info", "--remote=on");
    assert.match(unknown.stderr, /There is no remote 'on'/);
    const all = await client("destroy", "x", "--remote=all");
    assert.match(all.stderr, /Only info asks all remotes/);
  });
});

describe("info --remote all", () => {
  it("shows which host each line is from; those that fail hide nothing, and the first of them gives the status", async () => {
    await client("remote", "add", "a-dead", `127.0.0.1:${await freePort()}`, ...files());
    await client("remote", "add", "b-good", `127.0.0.1:${await endpoint()}`, ...files());
    await client("remote", "add", "c-nokey", `127.0.0.1:${await endpoint()}`);
    const got = await client("info", "--remote=all");
    assert.equal(got.status, 122);
    const lines = got.stdout.trimEnd().split("\n");
    assert.match(lines[0] ?? "", /^albatross-client: \[ERROR\] a-dead: connect failed with /);
    assert.equal(lines[1], "b-good: host [unikernel: :]: no unikernels");
    assert.match(lines[2] ?? "", /^albatross-client: \[ERROR\] c-nokey: .*ca\.key: No such file or directory$/);
    assert.equal(lines.length, 3);

    const json = JSON.parse((await client("info", "--remote=all", "--json")).stdout) as {
      hosts: { remote: string; kind: string; exitStatus: number }[];
    };
    assert.deepEqual(
      json.hosts.map(({ remote, kind, exitStatus }) => [remote, kind, exitStatus]),
      [
        ["a-dead", "error", 122],
        ["b-good", "unikernels", 0],
        ["c-nokey", "error", 124],
      ],
    );
  });

  it("is one table on a terminal, and what failed is said below it", async () => {
    const web: UnikernelInfo = {
      type: "solo5",
      startup: undefined,
      failBehaviour: { kind: "quit" },
      cpuIds: [0],
      memory: 16,
      digest: new Uint8Array(32),
      blockDevices: [],
      networks: [],
      arguments: undefined,
      started: Date.now(),
      cpus: 1,
      linuxBootPartition: undefined,
    };
    const reply = encodeFrame({
      header: { sequence: 0n, name: parseName(":") },
      payload: {
        kind: "success",
        success: { kind: "unikernels", unikernels: [{ name: parseName("web"), info: web }] },
      },
    });
    await client("remote", "add", "dead", `127.0.0.1:${await freePort()}`, ...files());
    for (const name of ["one", "two"]) {
      await client("remote", "add", name, `127.0.0.1:${await endpoint(reply)}`, ...files());
    }
    await client("remote", "add", "zero", `127.0.0.1:${await endpoint()}`, ...files());
    const [program, words] = clientCommand(["info", "--remote=all"]);
    const terminal = new Terminal([program, ...words].join(" "), { env: { HOME: home, NO_COLOR: "1" } });
    assert.equal(await terminal.ended(), 122);
    assert.match(
      terminal.shown,
      /^HOST {2}NAME {2}MEMORY {2}CPUS {2}UPTIME\none {3}web {4}16 MB {2}0 .*\ntwo {3}web .*\nalbatross-client: \[ERROR\] dead: .*\n(?:.*\n)?zero: host \[unikernel: :\]: no unikernels\n$/,
    );
  });

  it("asks more hosts than at once, and is content if all answer", async () => {
    const port = await endpoint();
    const names = Array.from({ length: REMOTES_AT_ONCE + 1 }, (_, at) => `h${at}`);
    const [cert, key] = [ca.cert, ca.key];
    const remote = { host: "127.0.0.1", port, ca: cert, caKey: key, serverCa: cert };
    configure(JSON.stringify({ remotes: Object.fromEntries(names.map((name) => [name, remote])) }));
    const got = await client("info", "--remote=all");
    assert.equal(got.stdout, names.map((name) => `${name}: host [unikernel: :]: no unikernels\n`).join(""));
    assert.equal(got.status, 0);
  });

  it("does not wait for a host that is silent, and says so", async () => {
    const silent = await listenTls(await folder.server(ca), () => undefined);
    peers.push(silent);
    await client("remote", "add", "silent", `127.0.0.1:${silent.port}`, ...files());
    await client("remote", "add", "talks", `127.0.0.1:${await endpoint()}`, ...files());
    const parsed = parseArguments(info, ["--remote=all", "--json"]);
    assert.ok(parsed.kind === "run");
    const printed: JsonObject[] = [];
    const context: Context = {
      ...createContext(parsed.values, "albatross-client", { HOME: home }, 0, async () => []),
      object: (value) => printed.push(value),
    };
    assert.equal(await infoOfAll(parsed.values, context, 3_000), 121);
    const [{ hosts = [] } = {}] = printed as { hosts?: { remote: string; message?: string; exitStatus: number }[] }[];
    assert.deepEqual(
      hosts.map(({ remote, message, exitStatus }) => [remote, message, exitStatus]),
      [
        ["silent", "no answer within 3 s", 121],
        ["talks", undefined, 0],
      ],
    );
  });

  it("says so if there are none", async () => {
    const got = await client("info", "--remote=all");
    assert.equal(got.status, 124);
    assert.match(got.stderr, /There are no remotes in\s/);
  });
});

describe("a group of commands", () => {
  it("needs one of them", async () => {
    const got = await client("remote");
    assert.equal(
      got.stderr,
      "Usage: albatross-client remote [--help] [COMMAND] …\n" +
        "albatross-client: required COMMAND name is missing, must be one of 'add',\n" +
        "                  'list' or 'remove'\n",
    );
    assert.equal(got.status, 124);
    assert.match((await client("remote", "lits")).stderr, /unknown command 'lits'\. Did you mean 'list'\?/);
    assert.match((await client("remote", "--version")).stdout, /^version /);
    assert.match((await client("remote", "--bogus")).stderr, /unknown option '--bogus'/);
  });
});
