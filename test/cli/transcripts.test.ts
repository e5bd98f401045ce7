import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
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
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { deflateSync } from "node:zlib";
import { printMessage } from "../../core/print/message.ts";
import { CLIENT_STYLE } from "../../core/print/style.ts";
import { decodeMessage, encodeMessage } from "../../core/wire/message-codec.ts";
import { makeImage } from "../backends/synthetic-image.ts";
import { playTranscript, readTranscript } from "./recorded-peer.ts";
import { runClient } from "./run-client.ts";

let directory = "";

before(() => {
  directory = mkdtempSync(join(tmpdir(), "albatross-cli-"));
  mkdirSync(join(directory, "util"));
});

after(() => rmSync(directory, { recursive: true }));

const NETWORK = 2;

/** An image of the recorded size, with the devices that the recorded one had. */
function writeImage(name: string, size: number, devices: readonly string[]): string {
  const image = new Uint8Array(size);
  image.set(makeImage({ devices: devices.map((device) => ({ name: device, type: NETWORK })) }));
  const path = join(directory, name);
  writeFileSync(path, image);
  return path;
}

/** The words of a recorded command line, with our directory and without the watching that the recorded client lacks. */
function wordsOf(command: string): string[] {
  const words = command.replace(/^.*?albatross-client /, "").split(" ");
  return words.map((word) => (word.endsWith(".hvt") ? join(directory, word) : word));
}

function expectedOf(output: string): { text: string; status: number } {
  const parts = /^([\s\S]*)exit (\d+)\n$/.exec(output);
  assert.ok(parts);
  return { text: parts[1] ?? "", status: Number(parts[2]) };
}

describe("the recorded conversations", () => {
  const plain: readonly (readonly [string, string])[] = [
    ["info", "vmmd"],
    ["info-empty", "vmmd"],
    ["info-name", "vmmd"],
    ["destroy", "vmmd"],
    ["destroy-missing", "vmmd"],
    ["policy-info", "vmmd"],
    ["policy-add", "vmmd"],
    ["policy-add-nested-too-big", "vmmd"],
    ["policy-remove", "vmmd"],
    ["restart", "vmmd"],
    ["restart-args", "vmmd"],
    ["block-create", "vmmd"],
    ["block-destroy", "vmmd"],
    ["block-destroy-missing", "vmmd"],
    ["block-info", "vmmd"],
    ["console-inactive", "console"],
    ["console-subscribe-count", "console"],
    ["console-subscribe-since", "console"],
    ["console-waiting", "console"],
    ["stats-add", "stat"],
    ["stats-remove", "stat"],
    ["stats-subscribe", "stat"],
  ];
  for (const [name, socket] of plain) {
    it(`${name}: the same bytes go out, the same text is printed`, async () => {
      const { command, output, frames } = readTranscript(name);
      const peer = await playTranscript(join(directory, "util", `${socket}.sock`), frames);
      try {
        const extra = name.startsWith("restart") ? ["--no-wait"] : [];
        const got = await runClient([...wordsOf(command), ...extra, `--tmpdir=${directory}`]);
        const expected = expectedOf(output);
        assert.equal(got.stdout, expected.text);
        assert.equal(got.stderr, "");
        // The recorded consoles were ended by a timeout (status 124); here the daemon ends them.
        assert.equal(got.status, command.startsWith("timeout") ? 0 : expected.status);
        const sent = frames.filter((frame) => frame.dir === "c2s" && frame.hex !== undefined);
        assert.deepEqual(
          peer.received.flat().map((bytes) => Buffer.from(bytes).toString("hex")),
          sent.map((frame) => frame.hex),
        );
      } finally {
        await peer.close();
      }
    });
  }

  const creates: readonly (readonly [string, string, number, readonly string[]])[] = [
    ["create-hello", "test_hello.hvt", 129_552, []],
    ["create-net", "test_net.hvt", 140_752, ["service0"]],
    ["create-exists", "test_net.hvt", 140_752, ["service0"]],
    ["create-bad-cpu", "test_net.hvt", 140_752, ["service0"]],
    ["force-create", "test_net.hvt", 140_752, ["service0"]],
  ];
  for (const [name, file, size, devices] of creates) {
    // The recorded image is not at hand: another of the same size must give the same bytes around it.
    it(`${name}: the same bytes around an image of the same size`, async () => {
      const { command, output, frames } = readTranscript(name);
      writeImage(file, size, devices);
      const peer = await playTranscript(join(directory, "util", "vmmd.sock"), frames);
      try {
        const got = await runClient([...wordsOf(command), "--no-wait", `--tmpdir=${directory}`]);
        const expected = expectedOf(output);
        assert.equal(got.stderr, "");
        assert.equal(got.stdout, expected.text);
        assert.equal(got.status, expected.status);
        const recorded = frames.find((frame) => frame.dir === "c2s" && frame.length !== undefined);
        const sent = peer.received[0]?.[0];
        assert.ok(sent && recorded?.head_hex);
        assert.equal(sent.length, recorded.length);
        assert.equal(Buffer.from(sent.subarray(0, 64)).toString("hex"), recorded.head_hex);
        const message = decodeMessage(sent);
        assert.equal(printMessage(message, { ...CLIENT_STYLE, verbose: true, boxed: false }), recorded.pretty);
        assert.deepEqual(encodeMessage(message), sent);
      } finally {
        await peer.close();
      }
    });
  }
});

describe("get", () => {
  const { frames } = readTranscript("get");
  const image = makeImage({ devices: [{ name: "service0", type: NETWORK }] });

  const cases = [
    { compressed: true, data: deflateSync(image), status: 0 },
    { compressed: false, data: image, status: 0 },
    { compressed: true, data: image, status: 121 },
  ];
  for (const { compressed, data, status } of cases) {
    const what = status === 0 ? "writes a new file" : "leaves no file if the data is broken";
    it(`${what}, ${compressed ? "compressed" : "plain"} transfer`, async () => {
      const downloads = mkdtempSync(join(directory, "downloads-"));
      const header = decodeMessage(
        Buffer.from(frames.find((frame) => frame.dir === "c2s" && frame.hex !== undefined)?.hex ?? "", "hex"),
      ).header;
      const reply = encodeMessage({
        header,
        payload: { kind: "success", success: { kind: "unikernel-image", compressed, image: data } },
      });
      const peer = await playTranscript(join(directory, "util", "vmmd.sock"), frames, () => reply);
      try {
        const got = await runClient(["get", "foo:net1", "--compression-level=9", `--tmpdir=${directory}`], {
          env: { TMPDIR: downloads },
        });
        assert.equal(got.status, status);
        const line = `host [unikernel: foo:net1]: image (compression ${compressed}) ${data.length} bytes\n`;
        assert.ok(got.stdout.startsWith(line));
        const files = readdirSync(downloads);
        if (status === 0) {
          const [file = ""] = files;
          assert.match(file, /^foo:net1\.\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d-00:00$/);
          assert.equal(got.stdout, `${line}dumped image to ${downloads}/${file}\n`);
          const hash = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
          assert.equal(hash(readFileSync(join(downloads, file))), hash(image));
          assert.equal(statSync(join(downloads, file)).mode & 0o777, 0o644 & ~process.umask());
        } else {
          assert.deepEqual(files, []);
          assert.match(got.stdout, /\[ERROR\] Cannot unpack the image/);
        }
      } finally {
        await peer.close();
      }
    });
  }

  it("never writes through a link that waits at the name", async () => {
    const downloads = mkdtempSync(join(directory, "downloads-"));
    const victim = join(directory, "victim");
    writeFileSync(victim, "precious");
    // Links for the seconds to come: the name has the start time of the client.
    for (let second = 0; second < 30; second++) {
      const time = new Date(Date.now() + second * 1000).toISOString().slice(0, 19);
      symlinkSync(victim, join(downloads, `foo:net1.${time}-00:00`));
    }
    const first = frames.find((frame) => frame.dir === "c2s" && frame.hex !== undefined)?.hex ?? "";
    const reply = encodeMessage({
      header: decodeMessage(Buffer.from(first, "hex")).header,
      payload: { kind: "success", success: { kind: "unikernel-image", compressed: false, image } },
    });
    const peer = await playTranscript(join(directory, "util", "vmmd.sock"), frames, () => reply);
    try {
      const got = await runClient(["get", "foo:net1", "--compression-level=9", `--tmpdir=${directory}`], {
        env: { TMPDIR: downloads },
      });
      assert.equal(got.status, 0);
      assert.equal(readFileSync(victim, "utf8"), "precious");
      const dumped = /dumped image to (.*)/.exec(got.stdout)?.[1] ?? "";
      assert.equal(lstatSync(dumped).isFile(), true, "the link itself was replaced");
      assert.deepEqual(new Uint8Array(readFileSync(dumped)), new Uint8Array(image));
    } finally {
      await peer.close();
    }
  });
});
