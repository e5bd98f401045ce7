/**
 * The feeder of the event log: what it does while the log is away, slow, or wrong.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { fromText } from "../../../core/byte-string.ts";
import { EVENT_MAX } from "../../../core/log/event.ts";
import { parseName } from "../../../core/name.ts";
import { FrameReader } from "../../../core/wire/framing.ts";
import type { Message } from "../../../core/wire/message.ts";
import { decodeMessage, encodeFrame } from "../../../core/wire/message-codec.ts";
import { EventFeed, FEED_BYTES_MAX, FEED_QUEUE_MAX, FEED_WINDOW } from "../../../daemon/common/event-feed.ts";
import { createLog } from "../../../daemon/common/log.ts";
import { type Connection, type Listener, listenUnix } from "../../../runtime/unix-socket.ts";
import { until } from "../../end-to-end/harness.ts";
import { numbered, numberOf } from "../log/journal-rig.ts";

/** A log that answers when it is told to. */
class FakeLog {
  readonly got: Message[] = [];
  readonly connections: Connection[] = [];
  /** How many are answered at once; the others wait for {@link answer}. */
  patience = Number.POSITIVE_INFINITY;
  answered = 0;
  #listener: Listener | undefined;

  listen(path: string): void {
    this.#listener = listenUnix({ path }, (connection) => {
      const reader = new FrameReader(1024 * 1024);
      this.connections.push(connection);
      return {
        data: (chunk) => {
          for (const frame of reader.push(chunk)) this.got.push(decodeMessage(frame.slice()));
          this.answer();
        },
        close: () => undefined,
      };
    });
  }

  answer(): void {
    for (; this.answered < this.got.length && this.answered < this.patience; this.answered++) {
      const header = this.got[this.answered]?.header;
      if (header === undefined) return;
      this.connections.at(-1)?.send(encodeFrame({ header, payload: { kind: "success", success: { kind: "empty" } } }));
    }
  }

  get numbers(): readonly string[] {
    return this.got.map(({ payload }) =>
      payload.kind === "data" && payload.data.kind === "log" ? numberOf(payload.data.event) : payload.kind,
    );
  }

  close(): void {
    for (const connection of this.connections) connection.destroy();
    this.#listener?.close();
  }
}

describe("a feeder of the event log", () => {
  let folder: string;
  let path: string;
  let log: FakeLog;
  let feed: EventFeed;
  let complaints = "";

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "albatross-feed-"));
    path = join(folder, "log.sock");
    log = new FakeLog();
    complaints = "";
    const output = {
      write: (text: string) => {
        complaints += text;
      },
      writableLength: 0,
    };
    const quiet = createLog("test", "debug", output);
    feed = new EventFeed({ path, daemon: "test", log: quiet, now: () => 5, random: () => 77 });
  });

  afterEach(async () => {
    await feed.close();
    log.close();
    rmSync(folder, { recursive: true });
  });

  const range = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => String(from + at));

  it("keeps what happens until the log is there, and delivers it in order", async () => {
    for (let at = 0; at < 100; at++) feed.note(numbered(at));
    assert.equal(feed.waiting, 100);
    log.listen(path);
    await until("all have come", () => log.got.length === 100);
    assert.deepEqual(log.numbers, range(0, 100));
    assert.deepEqual(
      log.got.slice(0, 2).map(({ header }) => [header.sequence, header.name.text]),
      [
        [(77n << 32n) + 1n, "foo:a"],
        [(77n << 32n) + 2n, "foo:a"],
      ],
    );
    await until("all are acknowledged", () => feed.waiting === 0);
  });

  it("tells of an event that is too large for the log, which would never take it, nor what follows", async () => {
    const large = (length: number) =>
      ({ kind: "unikernel-ended", name: parseName("foo:a"), status: fromText("x".repeat(length)) }) as const;
    const header = { sequence: (77n << 32n) + 1n, name: parseName("foo:a") };
    const data = { kind: "log", timestamp: 5, event: large(60_000) } as const;
    const most = EVENT_MAX - (encodeFrame({ header, payload: { kind: "data", data } }).length - 4 - 60_000);
    feed.note(large(most));
    feed.note(large(most + 1));
    feed.note(numbered(2));
    log.listen(path);
    await until("all are acknowledged", () => feed.waiting === 0);
    assert.deepEqual(log.numbers.slice(1), ["lost 1", "2"]);
    assert.equal(log.numbers.length, 3);
    assert.match(complaints, /an event \(unikernel-ended\) is lost: it has 65541 bytes, the log takes 65536/);
  });

  it("sends no more than its window without an acknowledgement", async () => {
    log.patience = 0;
    log.listen(path);
    for (let at = 0; at <= FEED_WINDOW; at++) feed.note(numbered(at));
    await until("a window has come", () => log.got.length >= FEED_WINDOW);
    assert.equal(log.got.length, FEED_WINDOW);
    log.patience = 1;
    log.answer();
    await until("one more has come", () => log.got.length === FEED_WINDOW + 1);
  });

  it("sends again what was not acknowledged when the connection was lost, with the same numbers", async () => {
    log.patience = 3;
    log.listen(path);
    for (let at = 0; at < 5; at++) feed.note(numbered(at));
    await until("three are acknowledged", () => feed.waiting === 2);
    const before = log.got.map(({ header }) => header.sequence);
    log.connections[0]?.destroy();
    await until("two have come again", () => log.got.length === 7);
    assert.deepEqual(
      log.got.slice(5).map(({ header }) => header.sequence),
      before.slice(3),
    );
  });

  it("counts what finds no place, at the limit and one past it, and tells the log", async () => {
    for (let at = 0; at < FEED_QUEUE_MAX; at++) feed.note(numbered(at));
    assert.equal(complaints.includes("events are lost"), false);
    feed.note(numbered(1_000_000));
    assert.ok(complaints.includes("events are lost"));
    for (let at = 0; at < 41; at++) feed.note(numbered(1_000_000));
    assert.equal(feed.waiting, FEED_QUEUE_MAX);
    log.listen(path);
    await until("the loss is told of", () => log.numbers.some((text) => text.startsWith("lost")));
    feed.note(numbered(7));
    await until("the next has come", () => log.numbers.at(-1) === "7");
    assert.deepEqual(log.numbers, [...range(0, FEED_QUEUE_MAX), "lost 42", "7"]);
  });

  it("bounds the bytes that wait, too", () => {
    const status = fromText("x".repeat(60_000));
    for (let at = 0; at < 100; at++) feed.note({ ...numbered(0), kind: "unikernel-ended", status } as never);
    assert.equal(feed.waiting, Math.floor(FEED_BYTES_MAX / 60_100));
  });

  it("connects anew if the log answers something else, and goes on", async () => {
    log.patience = 0;
    log.listen(path);
    feed.note(numbered(1));
    await until("it has come", () => log.got.length === 1);
    const answers = [
      encodeFrame({
        header: { sequence: 1n, name: numberedName },
        payload: { kind: "success", success: { kind: "empty" } },
      }),
      Uint8Array.of(0, 0, 0, 1, 0),
      Uint8Array.of(0, 0, 0, 0),
      Uint8Array.of(0, 1, 0, 0),
    ];
    for (const [at, answer] of answers.entries()) {
      log.connections.at(-1)?.send(answer);
      await until(`it has come again, ${at}`, () => log.got.length === at + 2);
    }
    log.answered = log.got.length - 1;
    log.patience = Number.POSITIVE_INFINITY;
    log.answer();
    await until("it is acknowledged", () => feed.waiting === 0);
  });

  it("waits at its end for the last acknowledgements, but only a moment", async () => {
    log.listen(path);
    feed.note(numbered(1));
    await until("there is a connection", () => log.connections.length > 0);
    feed.note(numbered(2));
    await feed.close();
    assert.deepEqual(log.numbers, ["1", "2"]);
    feed.note(numbered(3)); // too late, and no harm
    assert.equal(feed.waiting, 0);
  });

  it("ends at once if there is no log", async () => {
    feed.note(numbered(1));
    await feed.close();
  });
});

const numberedName = (numbered(0) as { readonly name: Message["header"]["name"] }).name;
