/** What the original does badly (client.md 14), and what is done here instead. Numbers are those of that list. */
import assert from "node:assert/strict";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { fromText } from "../../core/byte-string.ts";
import type { Message, Success } from "../../core/wire/message.ts";
import { decodeMessage, encodeFrame } from "../../core/wire/message-codec.ts";
import { generateKey } from "../../pki/keys.ts";
import { makeRequest } from "../../pki/request.ts";
import { listenPeer, onFrames, type ScriptedPeer } from "../client/scripted-peer.ts";
import { listenTls, type TlsPeer } from "../client/tls-peer.ts";
import { PkiFolder } from "../support/pki-folder.ts";
import { Terminal } from "../support/terminal.ts";
import { clientCommand, runClient } from "./run-client.ts";

let directory = "";
let peer: ScriptedPeer | undefined;
let tlsPeer: TlsPeer | undefined;
let received: Message[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "albatross-weak-"));
  mkdirSync(join(directory, "util"));
  received = [];
});
afterEach(async () => {
  await peer?.close();
  await tlsPeer?.close();
  peer = tlsPeer = undefined;
  rmSync(directory, { recursive: true });
});

async function answer(success: Success): Promise<void> {
  peer = await listenPeer(
    (socket) =>
      onFrames(socket, (bytes) => {
        const message = decodeMessage(bytes);
        received.push(message);
        socket.end(encodeFrame({ header: message.header, payload: { kind: "success", success } }));
      }),
    join(directory, "util/vmmd.sock"),
  );
}

const files = () =>
  readdirSync(directory)
    .filter((file) => !file.startsWith("."))
    .sort(); // the runtime has some
const client = (...words: string[]) => runClient(words, { cwd: directory, env: { TMPDIR: directory } });
const local = (...words: string[]) => client(...words, `--tmpdir=${directory}`);
const removed: Success = { kind: "string", text: fromText("removed policy") };

describe("weak points of the original's client, mended", () => {
  for (const command of ["info", "policy", "block", "inactive-consoles", "stats"]) {
    it(`6: ${command} --csr without a name writes files that are called after the command`, async () => {
      assert.deepEqual(await client(command, "--csr"), { status: 0, stdout: "", stderr: "" });
      assert.deepEqual(files(), [`${command}.key`, `${command}.req`, "util"]);
    });
  }

  it("7: with --json standard output is data only; warnings go to standard error, and -q hides no data", async () => {
    await answer({ kind: "unikernels", unikernels: [] });
    const got = await local("info", "--json", "-q");
    assert.equal((JSON.parse(got.stdout) as { kind: string }).kind, "unikernels");
    const warned = await local("add-policy", "foo", "1", "--json");
    assert.match(warned.stderr, /^albatross-client: \[WARNING\] policy without any network access\n$/);
    JSON.parse(warned.stdout);
  });

  it("8: remove-policy asks on a terminal before it removes the policy of the root", async () => {
    await answer(removed);
    const [program, words] = clientCommand(["remove-policy", `--tmpdir=${directory}`]);
    for (const [typed, status, commands] of [
      ["\n", 130, 0],
      ["no\n", 130, 0],
      ["yes\n", 0, 1],
    ] as const) {
      const terminal = new Terminal([program, ...words].join(" "));
      try {
        await terminal.shows(/Remove the policy of the root, the limits of the whole host\? \[y\/N\] $/);
        terminal.type(typed);
        assert.equal(await terminal.ended(), status, terminal.shown);
      } finally {
        await terminal.close();
      }
      assert.equal(received.length, commands);
    }
  });

  it("8: scripts are not asked, nor is it asked with --yes, or about another path", async () => {
    await answer(removed);
    assert.equal((await local("remove-policy")).status, 0);
    for (const more of ["--yes", "--path=foo"]) {
      const [program, words] = clientCommand(["remove-policy", `--tmpdir=${directory}`, more]);
      const terminal = new Terminal([program, ...words].join(" "));
      assert.equal(await terminal.ended(), 0, terminal.shown);
    }
    assert.equal(received.length, 3);
  });

  const outOfRange: readonly (readonly [string, string])[] = [
    ["info --destination=h:0", "failed to parse port"],
    ["info --destination=h:65536", "failed to parse port"],
    ["restart a --mem=0", "expected a size in MB"],
    ["restart a --cpu=-1", "expected a CPU id"],
    ["restart a --cpu=2147483648", "expected a CPU id"],
    ["restart a --exit-code=256", "expected an exit code between 0 and 255"],
    ["restart a --cpus=0", "expected a number of virtual CPUs"],
    ["get a --compression-level=10", "expected a compression level between 0 and 9"],
    ["add-policy foo 1 --cpu=-1", "expected a CPU id"],
    ["add-policy foo 9223372036854775807", "expected an integer between"],
    ["generate ca db --days=0", "expected a number of days"],
  ];
  for (const [line, text] of outOfRange) {
    it(`9: ${line} is refused`, async () => {
      const got = await client(...line.split(" "));
      assert.equal(got.status, 124);
      assert.ok(got.stderr.replaceAll(/\s+/g, " ").includes(text), got.stderr);
    });
  }

  it("10: a remote policy command that the endpoint ignores is an error, not a success", async () => {
    const folder = new PkiFolder();
    try {
      const ca = await folder.root("cacert");
      tlsPeer = await listenTls(await folder.server(ca), (socket) => void socket.end());
      const authority = [`--ca=${ca.cert}`, `--ca-key=${ca.key}`, `--server-ca=${ca.cert}`];
      for (const words of [
        ["add-policy", "foo", "1", "--network=a"],
        ["remove-policy", "--path=foo"],
      ]) {
        const got = await client(...words, ...authority, `--destination=127.0.0.1:${tlsPeer.port}`);
        assert.equal(got.status, 121, got.stdout);
        assert.match(got.stdout, /closed without a reply: the server may have refused/);
      }
    } finally {
      folder.remove();
    }
  });

  for (const name of ["../outside", "sub/file", "/tmp/albatross-outside"]) {
    it(`12: sign writes nothing for a request that calls itself ${name}`, async () => {
      await client("generate", "ca", "db");
      const command = { kind: "unikernel-info" } as const;
      writeFileSync(join(directory, "bad.req"), await makeRequest(name, command, await generateKey("ed25519")));
      const before = files();
      const got = await client("sign", "cacert.pem", "db", "ca.key", "bad.req");
      assert.equal(got.status, 124);
      assert.deepEqual(files(), before);
      assert.ok(!existsSync(join(directory, `${name}.pem`)));
    });
  }

  it("13: a download replaces a link that somebody has put in its place, and does not follow it", async () => {
    await answer({ kind: "unikernel-image", compressed: false, image: Uint8Array.of(1, 2, 3) });
    const victim = join(directory, "victim");
    writeFileSync(victim, "precious");
    // The name can be foreseen to the second: links for the next ones lie in wait.
    const now = Date.now();
    for (let second = -1; second < 60; second++) {
      const time = new Date(now + second * 1000).toISOString().slice(0, 19);
      symlinkSync(victim, join(directory, `:hello.${time}-00:00`));
    }
    const got = await local("get", "hello");
    assert.equal(got.status, 0, got.stdout);
    assert.equal(readFileSync(victim, "utf8"), "precious");
    const path = /dumped image to (.*)\n/.exec(got.stdout)?.[1] ?? "";
    assert.ok(lstatSync(path).isFile());
    assert.equal(statSync(path).size, 3);
  });
});
