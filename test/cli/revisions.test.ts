/** What `revisions` and `rollback` send, and what they make of the answers. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fromText } from "../../core/byte-string.ts";
import type { Message, Payload } from "../../core/wire/message.ts";
import { decodeMessage, encodeFrame } from "../../core/wire/message-codec.ts";
import { listenPeer, onFrames } from "../client/scripted-peer.ts";
import { type Finished, runClient } from "./run-client.ts";

/** Runs the client against a daemon that answers so, or closes; gives what that was asked, too. */
async function against(answer: string | Payload | undefined, ...words: readonly string[]) {
  const asked: Message[] = [];
  const peer = await listenPeer((socket) =>
    onFrames(socket, (frame) => {
      const message = decodeMessage(frame);
      asked.push(message);
      const payload: Payload | undefined =
        typeof answer === "string" ? { kind: "success", success: { kind: "string", text: fromText(answer) } } : answer;
      if (payload !== undefined) socket.write(encodeFrame({ header: message.header, payload }));
      socket.end();
    }),
  );
  try {
    const got: Finished = await runClient([...words, `--socket=${peer.path}`]);
    return { ...got, asked };
  } finally {
    await peer.close();
  }
}

const list = JSON.stringify([
  {
    revision: 12,
    time: "2026-11-21T21:11:16.123Z",
    command: "rollback",
    memoryMb: 1024,
    digest: "ab".repeat(32),
    imageBytes: 9_200_000,
  },
  { revision: 2, time: "2026-01-02T03:04:05.000Z", command: "create", memoryMb: 32, digest: null, imageBytes: null },
]);

describe("revisions", () => {
  it("are shown as a table, times and digests shortened", async () => {
    const { status, stdout, stderr, asked } = await against(list, "revisions", "foo:hello");
    assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
    assert.equal(
      stdout,
      [
        "REVISION  TIME                  COMMAND    MEMORY   IMAGE  DIGEST",
        "12        2026-11-21T21:11:16Z  rollback  1024 MB  9.2 MB  abababababab",
        "2         2026-01-02T03:04:05Z  create      32 MB       -  -",
        "",
      ].join("\n"),
    );
    assert.deepEqual(asked[0]?.payload, { kind: "command", command: { kind: "unikernel-revisions", count: 10 } });
    assert.equal(asked[0]?.header.name.text, "foo:hello");
  });

  it("are whole in JSON", async () => {
    const { stdout, asked } = await against(list, "revisions", "hello", "--json", "--count=2");
    assert.deepEqual(JSON.parse(stdout), { kind: "revisions", host: ":hello", revisions: JSON.parse(list) });
    assert.deepEqual(asked[0]?.payload, { kind: "command", command: { kind: "unikernel-revisions", count: 2 } });
  });

  it("cannot drive the terminal", async () => {
    const { stdout } = await against(JSON.stringify([{ command: "\x1b]0;mine\x07create" }]), "revisions", "hello");
    assert.match(stdout, /^REVISION .*\n- +- +\]0;mine create /);
    assert.doesNotMatch(stdout, /[^\n -~]/);
  });

  it("are one at least", async () => {
    const { status, stderr, asked } = await against(list, "revisions", "hello", "--count=0");
    assert.equal(status, 124);
    assert.match(stderr, /'--count': invalid value '0', expected a number \(1\n? *or above\)/);
    assert.deepEqual(asked, []);
  });

  it("that are none of a kind known here are no success", async () => {
    for (const answer of ["nonsense", "{}", "[1]"]) {
      const { status, stdout } = await against(answer, "revisions", "hello");
      assert.equal(status, 121);
      assert.match(stdout, /\[ERROR\] The daemon answered with something else than revisions/);
    }
  });
});

describe("rollback", () => {
  const done = "created unikernel";
  const command = (revision: number) => ({ kind: "command", command: { kind: "unikernel-rollback", revision } });

  it("goes to the revision before, or to the given one", async () => {
    const plain = await against(done, "rollback", "hello", "--no-wait");
    assert.equal(plain.stdout, "host [unikernel: :hello]: success: created unikernel\n");
    assert.deepEqual([plain.status, plain.asked[0]?.payload], [0, command(0)]);
    const chosen = await against(done, "rollback", "hello", "7", "--no-wait");
    assert.deepEqual([chosen.status, chosen.asked[0]?.payload], [0, command(7)]);
  });

  it("takes numbers of revisions only", async () => {
    for (const word of ["0", "-1", "x"]) {
      const { status, stderr } = await runClient(["rollback", "hello", "--", word]);
      assert.equal(status, 124);
      assert.match(stderr, /REVISION argument: invalid value/);
    }
    assert.equal((await runClient(["rollback"])).status, 124);
    assert.equal((await runClient(["rollback", "a", "1", "2"])).status, 124);
  });

  it("shows a refusal", async () => {
    const text = fromText("rollback: no unikernel found");
    const { status, stdout } = await against({ kind: "failure", text }, "rollback", "hello");
    assert.equal(status, 117);
    assert.match(stdout, /command failed rollback: no unikernel found/);
  });
});

describe("a daemon that closes the connection, as the original does,", () => {
  for (const name of ["revisions", "rollback"]) {
    it(`makes ${name} say what it needs`, async () => {
      const { status, stdout, stderr } = await against(undefined, name, "hello");
      assert.equal(status, 121);
      assert.match(stdout, /\[ERROR\] The connection to .* was closed without a reply/);
      assert.match(stderr, /this command needs an Albatross of this project on the other side/);
    });
  }
});
