import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { describe, it } from "node:test";
import { AbortedError, ConnectError, ProtocolError, RefusedError } from "../../client/errors.ts";
import { absoluteName, type StatisticsSample, subscribeStatistics } from "../../client/statistics.ts";
import { fromText } from "../../core/byte-string.ts";
import { parseName } from "../../core/name.ts";
import type { Header, Payload } from "../../core/wire/message.ts";
import { decodeMessage, encodeFrame } from "../../core/wire/message-codec.ts";
import { sampleStatistics } from "../support/statistics.ts";
import { listenPeer, onFrames } from "./scripted-peer.ts";

const data: Payload = { kind: "data", data: { kind: "statistics", statistics: sampleStatistics } };
const subscribed: Payload = { kind: "success", success: { kind: "string", text: fromText("subscribed") } };

async function withDaemon<T>(
  answer: (socket: Socket, header: Header) => void,
  action: (path: string) => Promise<T>,
): Promise<T> {
  const peer = await listenPeer((socket) =>
    onFrames(socket, (payload) => answer(socket, decodeMessage(payload).header)),
  );
  try {
    return await action(peer.path);
  } finally {
    await peer.close();
  }
}

async function collect(path: string, name: string, signal?: AbortSignal): Promise<StatisticsSample[]> {
  const samples: StatisticsSample[] = [];
  for await (const sample of subscribeStatistics(path, parseName(name), { signal })) samples.push(sample);
  return samples;
}

describe("a subscription to statistics", () => {
  it("gives samples with full and relative names until the daemon ends it", async () => {
    const samples = await withDaemon(
      (socket, header) => {
        socket.write(encodeFrame({ header, payload: subscribed }));
        socket.end(encodeFrame({ header: { sequence: 0n, name: parseName("bar:x") }, payload: data }));
      },
      (path) => collect(path, "foo:"),
    );
    assert.deepEqual(
      samples.map(({ name, relativeName, statistics }) => [name.text, relativeName.text, statistics.memory?.rss]),
      [["foo:bar:x", "bar:x", sampleStatistics.memory?.rss]],
    );
  });

  it("tells apart a refusal, a silent end, garbage, an absent daemon and an abort", async () => {
    const failure: Payload = { kind: "failure", text: fromText("no") };
    await assert.rejects(
      withDaemon(
        (socket, header) => socket.end(encodeFrame({ header, payload: failure })),
        (path) => collect(path, ":"),
      ),
      RefusedError,
    );
    await assert.rejects(
      withDaemon(
        (socket) => socket.end(),
        (path) => collect(path, ":"),
      ),
      ProtocolError,
    );
    await assert.rejects(
      withDaemon(
        (socket) => socket.end(Uint8Array.of(0, 0, 0, 2, 5, 5)),
        (path) => collect(path, ":"),
      ),
      ProtocolError,
    );
    await assert.rejects(collect("/nonexistent/stat.sock", ":"), ConnectError);
    await assert.rejects(
      withDaemon(
        () => undefined,
        (path) => collect(path, ":", AbortSignal.timeout(20)),
      ),
      AbortedError,
    );
  });

  it("is ended towards the daemon when the iteration ends", async () => {
    const ended = Promise.withResolvers<void>();
    await withDaemon(
      (socket, header) => {
        socket.on("close", () => ended.resolve()).on("end", () => socket.end());
        socket.write(encodeFrame({ header: { sequence: 0n, name: header.name }, payload: data }));
      },
      async (path) => {
        for await (const { name } of subscribeStatistics(path, parseName("a"))) {
          assert.equal(name.text, ":a");
          break;
        }
        await ended.promise;
      },
    );
  });
});

describe("the full name of data", () => {
  for (const [subscription, relative, full] of [
    [":", "foo:hello", "foo:hello"],
    ["foo:", ":hello", "foo:hello"],
    ["foo:", "bar:x", "foo:bar:x"],
    ["foo:hello", ":hello", "foo:hello"],
    [":hello", ":hello", ":hello"],
  ] as const) {
    it(`${relative} of ${subscription} is ${full}`, () => {
      assert.equal(absoluteName(parseName(subscription), parseName(relative)).text, full);
    });
  }
});
