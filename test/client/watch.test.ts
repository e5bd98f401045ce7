import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { parseStatus } from "../../client/status.ts";
import { failedEarly, WATCH_LINES, WATCH_MS, watchUnikernel } from "../../client/watch.ts";
import { fromText } from "../../core/byte-string.ts";
import { parseName } from "../../core/name.ts";
import type { UnikernelInfo } from "../../core/unikernel.ts";
import { decodeMessage, encodeFrame } from "../../core/wire/message-codec.ts";
import { STATUS_SEQUENCE } from "../../core/wire/status-request.ts";
import { unikernelInfo } from "../support/unikernel-info.ts";
import { listenPeer, onFrames, type ScriptedPeer } from "./scripted-peer.ts";

const name = parseName("foo:hello");
let peers: ScriptedPeer[] = [];

afterEach(async () => {
  for (const peer of peers) await peer.close();
  peers = [];
});

function infoStarted(started: number): UnikernelInfo {
  return unikernelInfo({ started });
}

/** A daemon: `ask` gives the start of the unikernel, or none if it is gone, and its status if the daemon tells it. */
async function daemon(ask: (count: number) => { started?: number; status?: object } | undefined): Promise<string> {
  let count = 0;
  const peer = await listenPeer((socket) =>
    onFrames(socket, (payload) => {
      const { header } = decodeMessage(payload);
      const found = ask(count++);
      const unikernels = found?.started === undefined ? [] : [{ name, info: infoStarted(found.started) }];
      socket.write(encodeFrame({ header, payload: { kind: "success", success: { kind: "unikernels", unikernels } } }));
      if (found?.status !== undefined && header.sequence === STATUS_SEQUENCE) {
        const text = fromText(JSON.stringify([{ name: name.text, ...found.status }]));
        socket.write(encodeFrame({ header, payload: { kind: "success", success: { kind: "string", text } } }));
      }
      socket.end();
    }),
  );
  peers.push(peer);
  return peer.path;
}

/** A console daemon that sends these lines at once. */
async function consoleWith(lines: readonly (readonly [number, string])[]): Promise<string> {
  const peer = await listenPeer((socket) =>
    onFrames(socket, (payload) => {
      const { header } = decodeMessage(payload);
      const text = fromText("subscribed");
      socket.write(encodeFrame({ header, payload: { kind: "success", success: { kind: "string", text } } }));
      for (const [timestamp, line] of lines) {
        const data = { kind: "console", timestamp, line: new TextEncoder().encode(line) } as const;
        socket.write(encodeFrame({ header, payload: { kind: "data", data } }));
      }
    }),
  );
  peers.push(peer);
  return peer.path;
}

function texts(lines: readonly { readonly line: Uint8Array }[]): string[] {
  return lines.map(({ line }) => new TextDecoder().decode(line));
}

describe("watching a fresh unikernel", () => {
  it("takes its time as long as it runs", async () => {
    const begin = performance.now();
    const watched = await watchUnikernel({
      daemon: await daemon(() => ({ started: 1000 })),
      console: await consoleWith([[1000, "up"]]),
      name,
      since: 1000,
    });
    assert.equal(watched.state, "running");
    assert.equal(failedEarly(watched), false);
    assert.ok(performance.now() - begin >= WATCH_MS);
    assert.deepEqual(texts(watched.lines), ["up"]);
  });

  for (const [status, failed] of [
    [0, false],
    [2, true],
  ] as const) {
    it(`sees at once that it ended with status ${status}`, async () => {
      const begin = performance.now();
      const watched = await watchUnikernel({
        daemon: await daemon(() => undefined),
        console: await consoleWith([
          [5000, "hello"],
          [5001, `Solo5: solo5_exit(${status}) called`],
        ]),
        name,
        since: 4999,
      });
      assert.equal(watched.state, "ended");
      assert.equal(watched.exitStatus, status);
      assert.equal(failedEarly(watched), failed);
      assert.deepEqual(texts(watched.lines), ["hello", `Solo5: solo5_exit(${status}) called`]);
      assert.ok(performance.now() - begin < WATCH_MS);
    });
  }

  it("does not need the console daemon", async () => {
    const watched = await watchUnikernel({
      daemon: await daemon(() => undefined),
      console: "/nonexistent/console.sock",
      name,
      since: 0,
    });
    assert.deepEqual(
      { ...watched, milliseconds: 0 },
      { state: "ended", exitStatus: undefined, milliseconds: 0, lines: [] },
    );
    assert.equal(failedEarly(watched), false);
  });

  it("knows a failure without a status by the last line", () => {
    const ended = (...lines: string[]) =>
      failedEarly({
        state: "ended",
        exitStatus: undefined,
        milliseconds: 1,
        lines: lines.map((line) => ({ timestamp: 0, line: new TextEncoder().encode(line) })),
      });
    assert.equal(ended("solo5-hvt: Malformed argument to --mem"), true);
    assert.equal(ended("hello", "Solo5: solo5_abort() called"), true);
    assert.equal(ended("Solo5: ABORT: abort.c:6: on purpose"), true);
    assert.equal(ended("solo5-hvt: adjusting memory to 16777216 bytes"), false);
    assert.equal(ended("albatross tender: Exiting on signal 15"), false);
    assert.equal(ended("albatross tender: something", "goodbye"), false);
    assert.equal(ended(), false);
  });

  it("keeps only the last lines, and none of the run that was replaced", async () => {
    const lines = Array.from({ length: 3 * WATCH_LINES }, (_, at) => [at < 25 ? 100 : 200, `line ${at}`] as const);
    const watched = await watchUnikernel({
      daemon: await daemon((count) => (count === 0 ? { started: 150 } : undefined)),
      console: await consoleWith([[100, "solo5_exit(7)"], ...lines]),
      name,
      since: 0,
    });
    assert.equal(watched.exitStatus, undefined);
    assert.deepEqual(texts(watched.lines), ["line 25", "line 26", "line 27", "line 28", "line 29"]);
  });

  it("forgives one restart, and no second one", async () => {
    const console = undefined;
    const once = await daemon((count) => ({ started: Math.min(count, 1) }));
    assert.equal((await watchUnikernel({ daemon: once, console, name, since: 0 })).state, "running");
    const again = await daemon((count) => ({ started: Math.min(count, 2) }));
    assert.equal((await watchUnikernel({ daemon: again, console, name, since: 0 })).state, "restarting");
  });

  it("is not misled by the gap between an end and the next start", async () => {
    const path = await daemon((count) => (count === 1 ? undefined : { started: count === 0 ? 0 : 1 }));
    assert.equal((await watchUnikernel({ daemon: path, console: undefined, name, since: 0 })).state, "running");
  });

  it("believes a daemon that tells how it is doing", async () => {
    const status = { state: "waiting", restarts: 0, lastExit: "exit 3" };
    const path = await daemon(() => ({ started: 1, status }));
    const watched = await watchUnikernel({ daemon: path, console: undefined, name, since: 0 });
    assert.equal(watched.state, "restarting");
    assert.equal(watched.exitStatus, 3);
    assert.equal(failedEarly(watched), true);
  });

  it("learns the status of one that has ended, if the daemon tells it", async () => {
    const status = { state: "ended", restarts: 0, lastExit: "exit 3" };
    const path = await daemon(() => ({ status }));
    const watched = await watchUnikernel({ daemon: path, console: undefined, name, since: 0 });
    assert.equal(watched.state, "ended");
    assert.equal(watched.exitStatus, 3);
    assert.equal(failedEarly(watched), true);
  });

  it("does not wait for ever for a daemon that is stopped", { timeout: 30_000 }, async () => {
    const peer = await listenPeer(() => undefined);
    peers.push(peer);
    const watched = await watchUnikernel({ daemon: peer.path, console: peer.path, name, since: 0 });
    assert.equal(watched.state, "unknown");
  });

  it("does not know what it cannot find out", async () => {
    const watched = await watchUnikernel({ daemon: "/nonexistent/vmmd.sock", console: undefined, name, since: 0 });
    assert.equal(watched.state, "unknown");
    assert.equal(failedEarly(watched), false);
  });
});

describe("the status that a daemon tells", () => {
  it("is taken only in the form that is known", () => {
    assert.equal(parseStatus("{"), undefined);
    assert.equal(parseStatus("{}"), undefined);
    assert.equal(parseStatus("[1]"), undefined);
    assert.equal(parseStatus('[{"name":":a"}]'), undefined);
    assert.deepEqual(parseStatus("[]"), []);
    const [status] = parseStatus('[{"name":":a","state":"running","restarts":2,"pid":7,"new":true}]') ?? [];
    assert.equal(status?.restarts, 2);
    assert.equal(status?.pid, 7);
    assert.equal(status?.reason, undefined);
  });
});
