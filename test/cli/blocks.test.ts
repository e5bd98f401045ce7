/** The sub-commands about block devices: against recorded conversations, and against daemons that misbehave. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import {
  closeSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, before, beforeEach, describe, it } from "node:test";
import { deflateSync, inflateSync } from "node:zlib";
import { PROGRESS_DELAY_MS } from "../../cli/progress.ts";
import { fromText } from "../../core/byte-string.ts";
import { parseName } from "../../core/name.ts";
import type { Payload } from "../../core/wire/message.ts";
import { decodeMessage, encodeFrame, encodeMessage } from "../../core/wire/message-codec.ts";
import { listenPeer, onFrames } from "../client/scripted-peer.ts";
import { Terminal } from "../support/terminal.ts";
import { type Frame, playTranscript, readTranscript } from "./recorded-peer.ts";
import { clientCommand, runClient } from "./run-client.ts";

let directory = "";
let downloads = "";

before(() => {
  directory = mkdtempSync(join(tmpdir(), "albatross-cli-"));
  mkdirSync(join(directory, "util"));
});
beforeEach(() => {
  downloads = mkdtempSync(join(directory, "downloads-"));
});
after(() => rmSync(directory, { recursive: true }));

const socket = () => join(directory, "util", "vmmd.sock");
const client = (...words: readonly string[]) =>
  runClient([...words, `--tmpdir=${directory}`], { env: { TMPDIR: downloads }, cwd: directory });

const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/** What the recorded chunks of a stream hold. */
function contentOf(frames: readonly Frame[]): Buffer {
  const chunks = frames.filter((frame) => frame.raw_chunk === true && frame.length !== 0);
  return inflateSync(Buffer.concat(chunks.map((chunk) => Buffer.from(chunk.hex ?? "", "hex"))));
}

describe("the recorded conversations about contents", () => {
  for (const name of ["block-set-compressed", "block-create-data"] as const) {
    it(`${name}: the same command, the same content in a stream, the same text is printed`, async () => {
      const { command, output, frames } = readTranscript(name);
      const content = contentOf(frames);
      writeFileSync(join(directory, "blk.data"), content);
      const peer = await playTranscript(socket(), frames);
      try {
        const words = command.replace(/^.*?albatross-client /, "").replace("$W/", `${directory}/`);
        const got = await client(...words.split(" "));
        assert.deepEqual(got, { status: 0, stdout: output.replace("exit 0\n", ""), stderr: "" });
        const [commands, stream] = [peer.received.map(([first]) => first), peer.received.at(-1)?.slice(1) ?? []];
        const recorded = frames.filter((frame) => frame.dir === "c2s" && frame.header !== undefined);
        assert.deepEqual(
          commands.map((bytes) => hexOf(bytes ?? assert.fail())),
          recorded.map(({ hex }) => hex),
        );
        assert.equal(stream.at(-1)?.length, 0);
        assert.ok(inflateSync(Buffer.concat(stream)).equals(content));
      } finally {
        await peer.close();
      }
    });
  }

  it("block-dump-compressed: the content in a new file, the same text is printed", async () => {
    const { output, frames } = readTranscript("block-dump-compressed");
    const peer = await playTranscript(socket(), frames);
    try {
      const got = await client("dump-block", "bl1", "--compression-level=9");
      const [file = ""] = readdirSync(downloads);
      assert.match(file, /^:bl1\.\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d-00:00$/);
      assert.equal(got.stdout, output.replace("exit 0\n", "").replace(/WORKDIR.*/, join(downloads, file)));
      assert.equal(got.status, 0);
      const pieces = frames.flatMap((frame) => {
        if (frame.dir !== "s2c" || frame.hex === undefined) return [];
        const { payload } = decodeMessage(Buffer.from(frame.hex, "hex"));
        return payload.kind === "data" && payload.data.kind === "block" && payload.data.bytes
          ? [payload.data.bytes]
          : [];
      });
      const content = inflateSync(Buffer.concat(pieces));
      const written = statSync(join(downloads, file));
      assert.ok(readFileSync(join(downloads, file)).equals(content));
      assert.equal(written.mode & 0o777, 0o600 & ~process.umask());
      assert.deepEqual(
        peer.received.flat().map(hexOf),
        frames.filter((frame) => frame.dir === "c2s" && frame.hex !== undefined).map((frame) => frame.hex),
      );
    } finally {
      await peer.close();
    }
  });
});

const header = { sequence: 0n, name: parseName("data") };
const success = (text: string): Payload => ({ kind: "success", success: { kind: "string", text: fromText(text) } });
const failure = (text: string): Payload => ({ kind: "failure", text: fromText(text) });
const image = (compressed: boolean): Payload => ({
  kind: "success",
  success: { kind: "block-device-image", compressed },
});
const data = (bytes: Uint8Array | undefined): Payload => ({ kind: "data", data: { kind: "block", bytes } });

/** A daemon that answers one command, and then closes. */
async function answering(
  payloads: readonly Payload[],
  commands = 1,
): Promise<Awaited<ReturnType<typeof playTranscript>>> {
  const frames: Frame[] = Array.from({ length: commands }, () => ({ conn: 1, dir: "c2s", length: 1, hex: "" }));
  for (const payload of payloads) {
    frames.push({ conn: 1, dir: "s2c", length: 1, hex: hexOf(encodeMessage({ header, payload })) });
  }
  frames.push({ conn: 1, dir: "s2c", event: "EOF" });
  return await playTranscript(socket(), frames);
}

describe("dump-block", () => {
  const content = Buffer.from("content of a device");
  const cases: readonly (readonly [string, readonly Payload[], number, RegExp])[] = [
    ["the end is missing", [image(false), data(content)], 121, /closed before the end of the dump/],
    [
      "the daemon fails in the middle",
      [image(false), data(content), failure("streaming block device")],
      117,
      /command failed streaming/,
    ],
    ["the compressed data is broken", [image(true), data(content), data(undefined)], 121, /Cannot unpack/],
    [
      "the compressed data is cut short",
      [image(true), data(deflateSync(content).subarray(0, 9)), data(undefined)],
      121,
      /Cannot unpack/,
    ],
    ["something else comes", [image(false), success("what?")], 121, /instead of the contents/],
    ["it is refused", [failure("dump block: not found")], 117, /command failed dump block: not found/],
    ["another answer comes", [success("what?")], 121, /instead of a block device/],
    ["nothing comes", [], 121, /closed without a reply/],
  ];
  for (const [what, payloads, status, text] of cases) {
    it(`ends with ${status} and leaves no file if ${what}`, async () => {
      const peer = await answering(payloads);
      try {
        const got = await client("dump-block", "data", "--compression-level=0");
        assert.equal(got.status, status, got.stdout + got.stderr);
        assert.match(got.stdout + got.stderr, text);
        assert.deepEqual(readdirSync(downloads), []);
      } finally {
        await peer.close();
      }
    });
  }

  it("writes a file in which zeros take no space, of exactly the length of the device", async () => {
    const pieces = [new Uint8Array(2 ** 20), content, new Uint8Array(2 ** 20)];
    const peer = await answering([image(false), ...pieces.map(data), data(undefined)]);
    try {
      const path = join(downloads, "file");
      assert.equal((await client("dump-block", "data", `--output=${path}`)).status, 0);
      assert.ok(readFileSync(path).equals(Buffer.concat(pieces)));
      assert.ok(statSync(path).blocks * 512 < 2 ** 17);
    } finally {
      await peer.close();
    }
  });

  it("fails if the file cannot be written", async () => {
    const peer = await answering([image(false), data(content), data(undefined)]);
    try {
      const got = await client("dump-block", "data", `--output=${downloads}/missing/file`);
      assert.equal(got.status, 124);
      assert.match(got.stdout, /Cannot create .*missing/);
    } finally {
      await peer.close();
    }
  });

  it("takes no fifo away, nor a link to a descriptor such as /dev/stdout", async () => {
    const [fifo, link] = [join(downloads, "fifo"), join(downloads, "link")];
    execFileSync("mkfifo", [fifo]);
    symlinkSync("/proc/self/fd/1", link);
    for (const path of [fifo, link]) {
      const before = lstatSync(path).ino;
      const peer = await answering([image(false), data(content), data(undefined)]);
      try {
        const got = await client("dump-block", "data", `--output=${path}`);
        assert.match(got.stdout, /Cannot create .*: what is there is no file, and is not replaced by one\n$/);
        assert.equal(got.status, 124);
        assert.equal(lstatSync(path).ino, before);
      } finally {
        await peer.close();
      }
    }
  });

  for (const [signal, status] of [
    ["SIGTERM", 143],
    ["SIGHUP", 129],
    ["SIGINT", 130],
  ] as const) {
    it(`leaves no part of a file at ${signal}`, async () => {
      const frames = [image(false), data(content)].map((payload) => encodeFrame({ header, payload }));
      const peer = await listenPeer((each) => onFrames(each, () => each.write(Buffer.concat(frames))), socket());
      try {
        const [program, words] = clientCommand(["dump-block", "data", `--tmpdir=${directory}`]);
        const env = { ...process.env, TMPDIR: downloads };
        const child = spawn(program, words, { stdio: ["ignore", "ignore", "inherit"], env });
        const ended = new Promise((resolve) => child.on("close", resolve));
        const written = () => readdirSync(downloads).some((file) => statSync(join(downloads, file)).size > 0);
        while (!written()) await new Promise((resolve) => setTimeout(resolve, 5));
        process.kill(child.pid ?? assert.fail(), signal); // not child.kill: see run-client.ts
        assert.equal(await ended, status);
        assert.deepEqual(readdirSync(downloads), []);
      } finally {
        await peer.close();
      }
    });
  }

  it("replaces a link that waits at the name, and never follows it", async () => {
    const [victim, link] = [join(directory, "victim"), join(downloads, "link")];
    writeFileSync(victim, "precious");
    symlinkSync(victim, link);
    const peer = await answering([image(false), data(content), data(undefined)]);
    try {
      assert.equal((await client("dump-block", "data", `--output=${link}`)).status, 0);
      assert.equal(readFileSync(victim, "utf8"), "precious");
      assert.ok(readFileSync(link).equals(content));
    } finally {
      await peer.close();
    }
  });

  it("writes to standard output, and nothing else there", async () => {
    const peer = await answering([image(true), data(deflateSync(content)), data(undefined)]);
    try {
      const got = await client("dump-block", "data", "-o", "-");
      assert.deepEqual(got, {
        status: 0,
        stdout: content.toString(),
        stderr: "host [unikernel: :data]: block device compressed true\n",
      });
    } finally {
      await peer.close();
    }
    const both = await client("dump-block", "data", "-o", "-", "--json");
    assert.equal(both.status, 124);
  });
});

describe("set-block and create-block", () => {
  it("take the content from standard input", async () => {
    const content = Buffer.alloc(300_000, "some data ");
    const peer = await answering([success("set block device")], 4);
    try {
      const [program, words] = clientCommand(["set-block", "data", "-", `--tmpdir=${directory}`]);
      const child = spawn(program, words, { stdio: ["pipe", "pipe", "inherit"] });
      let stdout = "";
      child.stdout.on("data", (chunk) => {
        stdout += chunk;
      });
      // In two parts that are two chunks of the stream, so that it has the length that the peer waits for.
      child.stdin.write(content.subarray(0, 1000));
      while ((peer.received[0]?.length ?? 0) < 2) await new Promise((resolve) => setTimeout(resolve, 5));
      child.stdin.end(content.subarray(1000, 2000));
      await new Promise((resolve) => child.on("close", resolve));
      assert.equal(stdout, "host [unikernel: :data]: success: set block device\n");
      const [, ...stream] = peer.received.flat();
      assert.ok(Buffer.concat(stream).equals(content.subarray(0, 2000)));
    } finally {
      await peer.close();
    }
  });

  it("tell of a refusal though standard input has nothing to say", async () => {
    const peer = await answering([failure("set block device: not found")]);
    try {
      const [program, words] = clientCommand(["set-block", "data", "-", `--tmpdir=${directory}`]);
      const child = spawn(program, words, { stdio: ["pipe", "ignore", "inherit"] });
      assert.equal(await new Promise((resolve) => child.on("close", resolve)), 117);
      child.stdin.destroy();
    } finally {
      await peer.close();
    }
  });

  it("stop after a create that was refused: the data does not overwrite what is there", async () => {
    writeFileSync(join(directory, "small"), "x");
    const peer = await answering([failure("block device with same name already exists")]);
    try {
      const got = await client("create-block", "data", "1", "--data=small");
      assert.equal(got.status, 117);
      assert.equal(peer.received.length, 1, "there was a second connection");
    } finally {
      await peer.close();
    }
  });

  it("check the size of the data first, at the limit and one past it", async () => {
    writeFileSync(join(directory, "exact"), new Uint8Array(2 ** 20));
    writeFileSync(join(directory, "more"), new Uint8Array(2 ** 20 + 1));
    const more = await client("create-block", "data", "1", "--data=more");
    assert.deepEqual([more.status, more.stderr], [124, "albatross-client: data exceeds size\n"]);
    const none = await client("create-block", "data", "0", "--data=exact");
    assert.deepEqual([none.status, none.stderr], [124, "albatross-client: overflow while computing bytes\n"]);
    const peer = await answering([failure("no")]);
    try {
      assert.equal((await client("create-block", "data", "1", "--data=exact")).status, 117, "it was not sent");
    } finally {
      await peer.close();
    }
  });

  it("do not drop data silently where a request is written", async () => {
    writeFileSync(join(directory, "small"), "x");
    const set = await client("set-block", "data", "small", "--csr");
    assert.equal(set.status, 0);
    assert.match(set.stderr, /the request does not hold the data/);
    assert.ok(readdirSync(directory).includes("data.req"));
    const create = await client("create-block", "other", "1", "--data=small", "--csr");
    assert.equal(create.status, 124);
    assert.match(create.stderr, /Cannot put the data into a request/);
    assert.ok(!readdirSync(directory).includes("other.req"));
  });

  it("refuse what is no file of data", async () => {
    assert.equal((await client("set-block", "data", "missing")).status, 124);
    assert.match((await client("set-block", "data", ".")).stderr, /it is a directory/);
  });
});

describe("commands that only our daemon knows", () => {
  it("say so if the daemon closes the connection", async () => {
    for (const words of [
      ["snapshot-block", "data", "copy"],
      ["clone-block", "data", "copy"],
      ["resize-block", "data", "2"],
    ]) {
      const peer = await answering([]);
      try {
        const got = await client(...words);
        assert.equal(got.status, 121);
        assert.match(got.stderr, /the original Albatross does not know this command/);
      } finally {
        await peer.close();
      }
    }
    assert.equal((await client("clone-block", "data", "path:copy")).status, 124);
  });
});

describe("on a terminal", () => {
  it("the progress of an upload is shown, and gone at the end", async () => {
    const peer = await answering([success("set block device")], 3);
    const fifo = join(directory, "fifo");
    execFileSync("mkfifo", [fifo]);
    const [program, words] = clientCommand(["set-block", "data", "fifo", `--tmpdir=${directory}`]);
    const terminal = new Terminal(`cd ${directory} && ${[program, ...words].join(" ")}`);
    try {
      const writer = openSync(fifo, "w");
      writeSync(writer, "x".repeat(1000));
      while ((peer.received[0]?.length ?? 0) < 2) await new Promise((resolve) => setTimeout(resolve, 5));
      await new Promise((resolve) => setTimeout(resolve, 2 * PROGRESS_DELAY_MS)); // before that nothing is shown
      writeSync(writer, "y".repeat(1000));
      await terminal.shows(/\r2\.0 kB, \S+ k?B\/s/);
      closeSync(writer);
      assert.equal(await terminal.ended(), 0);
      assert.match(terminal.shown, /\r *\rhost \[unikernel: :data\]: success: set block device\n$/);
    } finally {
      await peer.close();
    }
  });
});
