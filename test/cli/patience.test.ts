/** Daemons that do not answer, and what they say to a terminal. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, it } from "node:test";
import { consoleCommand } from "../../cli/commands/console.ts";
import { info } from "../../cli/commands/info.ts";
import { type Context, createContext } from "../../cli/context.ts";
import { answerWithin, ask, EXIT_COMMUNICATION, patienceFor } from "../../cli/exchange.ts";
import { follow } from "../../cli/follow.ts";
import type { JsonObject } from "../../cli/json.ts";
import { parseArguments } from "../../cli/parse.ts";
import { fromText } from "../../core/byte-string.ts";
import { parseName } from "../../core/name.ts";
import type { UnikernelInfo } from "../../core/unikernel.ts";
import { decodeMessage, encodeFrame } from "../../core/wire/message-codec.ts";
import { listenPeer, onFrames, type ScriptedPeer } from "../client/scripted-peer.ts";
import { Terminal } from "../support/terminal.ts";
import { unikernelInfo } from "../support/unikernel-info.ts";
import { clientCommand, runClient } from "./run-client.ts";

let peer: ScriptedPeer | undefined;
afterEach(async () => {
  await peer?.close();
  peer = undefined;
});

/** A context whose objects are kept. */
function contextFor(values: Parameters<typeof createContext>[0]): { context: Context; objects: JsonObject[] } {
  const objects: JsonObject[] = [];
  const context = createContext({ ...values, json: true }, "albatross-client", {}, Date.now(), async () => []);
  return { context: { ...context, object: (value) => void objects.push(value) }, objects };
}

const running: UnikernelInfo = unikernelInfo();

const late = {
  kind: "error",
  code: "protocol",
  message: "The daemon did not answer within 0.05 seconds",
  exitStatus: EXIT_COMMUNICATION,
};

describe("a daemon that is stopped", () => {
  it("is not waited for longer than an answer may take", async () => {
    peer = await listenPeer(() => undefined);
    const parsed = parseArguments(info, [`--socket=${peer.path}`]);
    assert.ok(parsed.kind === "run");
    const { context, objects } = contextFor(parsed.values);
    const signal = answerWithin(50);
    const status = await ask(parsed.values, context, parsed.values.name, { kind: "unikernel-info" }, { signal });
    assert.equal(status, EXIT_COMMUNICATION);
    assert.deepEqual(objects, [late]);
  });

  it("has to answer also before what goes on for ever", async () => {
    peer = await listenPeer(() => undefined);
    const parsed = parseArguments(consoleCommand, ["hello", `--socket=${peer.path}`]);
    assert.ok(parsed.kind === "run");
    const { values } = parsed;
    const { context, objects } = contextFor(values);
    const command = { kind: "console-subscribe", from: { count: 1 } } as const;
    assert.equal(await follow(values, context, values.name, command, () => undefined, 50), EXIT_COMMUNICATION);
    assert.deepEqual(objects, [late]);
  });

  it("has no unikernels for top only once it has said so", { timeout: 60_000 }, async () => {
    const directory = mkdtempSync(join(tmpdir(), "albatross-top-"));
    mkdirSync(join(directory, "util"));
    let answer: () => void = () => undefined;
    const name = parseName("late");
    const accept = (socket: Socket) =>
      onFrames(socket, (bytes) => {
        const { header } = decodeMessage(bytes);
        const success = { kind: "unikernels", unikernels: [{ name, info: running }] } as const;
        answer = () => void socket.end(encodeFrame({ header, payload: { kind: "success", success } }));
      });
    peer = await listenPeer(accept, join(directory, "util", "vmmd.sock"));
    setTimeout(() => answer(), 2_500);
    try {
      const { stdout } = await runClient(["top", "--json", "--count=1", "--interval=1", `--tmpdir=${directory}`]);
      const { unikernels } = JSON.parse(stdout) as { unikernels: { name: string }[] };
      assert.deepEqual(
        unikernels.map((each) => each.name),
        [":late"],
      );
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it("may take its time for what takes time", () => {
    assert.equal(patienceFor({ kind: "block-set", compressed: false }), undefined);
    assert.equal(patienceFor({ kind: "unikernel-destroy" }), undefined);
    assert.ok(patienceFor({ kind: "policy-info" }) instanceof AbortSignal);
  });
});

describe("control characters of a daemon", () => {
  const evil = "evil\u001b]0;title\u0007\u009b2J";

  /** Tells of a unikernel that waits, for a reason with control characters. */
  async function daemon(): Promise<string> {
    peer = await listenPeer((socket) =>
      onFrames(socket, (bytes) => {
        const { header } = decodeMessage(bytes);
        const status = [{ name: ":a", state: "failed", reason: evil }];
        socket.write(
          encodeFrame({ header, payload: { kind: "success", success: { kind: "unikernels", unikernels: [] } } }),
        );
        const text = fromText(JSON.stringify(status));
        socket.end(encodeFrame({ header, payload: { kind: "success", success: { kind: "string", text } } }));
      }),
    );
    return peer.path;
  }

  it("do not reach a terminal by a hint", async () => {
    const [program, words] = clientCommand(["info", "-v", `--socket=${await daemon()}`]);
    const terminal = new Terminal([program, ...words].join(" "));
    try {
      await terminal.shows(/\[unikernel: :a\] failed: evil\?\]0;title\?\?2J/);
    } finally {
      await terminal.close();
    }
  });

  it("are escaped in JSON, whatever they are", async () => {
    peer = await listenPeer((socket) =>
      onFrames(socket, (bytes) => {
        const { header } = decodeMessage(bytes);
        socket.end(encodeFrame({ header, payload: { kind: "failure", text: fromText(evil) } }));
      }),
    );
    const { stdout } = await runClient(["policy", "--json", `--socket=${peer.path}`]);
    assert.match(stdout, /^[ -~]*\n$/);
    assert.equal((JSON.parse(stdout) as { text: string }).text, evil);
  });
});
