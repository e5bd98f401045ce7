import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fromText } from "../../core/byte-string.ts";
import { parseName } from "../../core/name.ts";
import { printStatistics } from "../../core/print/statistics.ts";
import type { Command, Payload } from "../../core/wire/message.ts";
import { decodeMessage, encodeFrame } from "../../core/wire/message-codec.ts";
import { listenPeer, onFrames } from "../client/scripted-peer.ts";
import { sampleStatistics } from "../support/statistics.ts";
import { runClient } from "./run-client.ts";

let directory = "";

before(() => {
  directory = mkdtempSync(join(tmpdir(), "albatross-stats-cli-"));
  mkdirSync(join(directory, "util"));
});
after(() => rmSync(directory, { recursive: true }));

/** Runs the client against a daemon that answers with `reply` and then sends a sample for each of `names`. */
async function run(words: readonly string[], names: readonly string[], reply?: Payload) {
  const commands: Command[] = [];
  const answer: Payload = reply ?? { kind: "success", success: { kind: "string", text: fromText("subscribed") } };
  const peer = await listenPeer(
    (socket) =>
      onFrames(socket, (payload) => {
        const { header, payload: content } = decodeMessage(payload);
        if (content.kind === "command") commands.push(content.command);
        socket.write(encodeFrame({ header, payload: answer }));
        for (const name of names) {
          const data = { kind: "statistics", statistics: sampleStatistics } as const;
          socket.write(
            encodeFrame({ header: { sequence: 0n, name: parseName(name) }, payload: { kind: "data", data } }),
          );
        }
        socket.end();
      }),
    join(directory, "util/stat.sock"),
  );
  try {
    return { ...(await runClient([...words, `--tmpdir=${directory}`])), commands };
  } finally {
    await peer.close();
  }
}

const text = `${printStatistics(sampleStatistics)}\n`;

describe("stats", () => {
  it("prints the original's text, and on standard error whose it is where it can be of several", async () => {
    const got = await run(["stats", "-n", "foo:"], [":hello", "bar:x"]);
    assert.equal(got.stdout, `host [unikernel: foo:]: success: subscribed\n${text}${text}`);
    assert.equal(got.stderr, "albatross-client: [unikernel: foo:hello]\nalbatross-client: [unikernel: foo:bar:x]\n");
    assert.equal(got.status, 0);
  });

  it("prints nothing on standard error for a single unikernel", async () => {
    const got = await run(["stats", "-n", "foo:hello"], [":hello"]);
    assert.equal(got.stdout, `host [unikernel: foo:hello]: success: subscribed\n${text}`);
    assert.equal(got.stderr, "");
  });

  it("prints an object per sample with --json: full name, time, exact numbers", async () => {
    const got = await run(["stats", "-n", "foo:", "--json"], ["bar:x"]);
    const [reply, sample, ...rest] = got.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.deepEqual(rest, []);
    assert.deepEqual(reply, { kind: "success", host: "foo:", text: "subscribed" });
    const { kind, host, time, usage, memory, hypervisor, interfaces } = sample;
    assert.deepEqual({ kind, host }, { kind: "statistics", host: "foo:bar:x" });
    assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000);
    assert.equal(usage.utime, 1.23);
    assert.equal(usage.maxrss, 1234);
    assert.equal(memory.start, "2026-11-21T21:20:00.250Z");
    assert.equal(memory.rss, 1230);
    assert.deepEqual(hypervisor, { "Resident memory": "9007199254740993" });
    assert.equal(interfaces[0].bridge, "service");
    assert.equal(interfaces[0].inputBytes, 840);
    assert.equal(got.stderr, "");
  });

  it("ends with 117 if it is refused", async () => {
    const got = await run(["stats"], [], { kind: "failure", text: fromText("too many subscriptions") });
    assert.equal(got.status, 117);
    assert.match(got.stdout, /command failed too many subscriptions/);
  });
});

describe("stats-add", () => {
  it("sends the process, its device and its interfaces", async () => {
    const words = ["stats-add", "0x10", "--vmmdev=solo5-16", "--bridge=a:tap0", "--bridge", "b:tap1", "-n", "x"];
    const added: Payload = { kind: "success", success: { kind: "string", text: fromText("added") } };
    const got = await run(words, [], added);
    assert.equal(got.stdout, "host [unikernel: :x]: success: added\n");
    assert.deepEqual(got.commands, [
      {
        kind: "statistics-add",
        device: fromText("solo5-16"),
        pid: 16,
        networks: [
          { device: fromText("a"), tap: fromText("tap0") },
          { device: fromText("b"), tap: fromText("tap1") },
        ],
      },
    ]);
  });

  for (const bad of ["a", "a:", ":b", "a:b:c"]) {
    it(`refuses the interface ${bad}`, async () => {
      const got = await runClient(["stats-add", "1", `--bridge=${bad}`, `--tmpdir=${directory}`]);
      assert.equal(got.status, 124);
      assert.match(got.stderr, /option '--bridge': broken, format is bridge:tap/);
    });
  }
});
