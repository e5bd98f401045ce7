import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseName } from "../../../core/name.ts";
import { decodeMessage } from "../../../core/wire/message-codec.ts";
import { lossNotice, QUEUE_FREE, QUEUE_MAX, QUEUES_TOTAL, Subscriber } from "../../../daemon/console/subscriber.ts";
import { type Connection, connectionOver, type RawSocket } from "../../../runtime/connection.ts";

/** A connection over a socket that takes as many bytes as it is allowed to. */
function connectionTaking(): { connection: Connection; taken: Uint8Array[]; allow(bytes: number): void } {
  let allowed = 0;
  const taken: Uint8Array[] = [];
  const raw: RawSocket = {
    write(bytes) {
      const count = Math.min(allowed, bytes.length);
      allowed -= count;
      if (count > 0) taken.push(bytes.slice(0, count));
      return count;
    },
    end: () => undefined,
    terminate: () => undefined,
    pause: () => undefined,
    resume: () => undefined,
  };
  const events = connectionOver(raw, () => ({ data: () => undefined, close: () => undefined }), {});
  return {
    connection: events.connection,
    taken,
    allow(bytes) {
      allowed = bytes;
      events.writable();
    },
  };
}

describe("a subscriber", () => {
  it("gets everything up to the bound of its queue, and loses what comes past it", () => {
    const { connection } = connectionTaking();
    const subscriber = new Subscriber(connection, parseName(":a"), new Set(), () => 0);
    subscriber.deliver(new Uint8Array(QUEUE_MAX - 1), 1);
    subscriber.deliver(new Uint8Array(1), 1);
    assert.deepEqual([subscriber.pending, subscriber.lagging], [QUEUE_MAX, false]);
    subscriber.deliver(new Uint8Array(1), 3);
    assert.deepEqual([subscriber.pending, subscriber.lagging, subscriber.dropped], [QUEUE_MAX, true, 3]);
  });

  it("is not behind for its history, of any size, but for what has come since it took a part of that", () => {
    const { connection, allow } = connectionTaking();
    const subscriber = new Subscriber(connection, parseName(":a"), new Set(), () => 0);
    connection.send(new Uint8Array(3 * QUEUE_MAX));
    subscriber.begin();
    subscriber.deliver(new Uint8Array(QUEUE_MAX), 1);
    assert.deepEqual([subscriber.behind, subscriber.lagging], [QUEUE_MAX, false]);
    allow(2 * QUEUE_MAX);
    assert.deepEqual([subscriber.pending, subscriber.behind], [2 * QUEUE_MAX, 0]);
    subscriber.deliver(new Uint8Array(QUEUE_MAX), 1);
    assert.equal(subscriber.lagging, false);
    subscriber.deliver(new Uint8Array(1), 1);
    assert.equal(subscriber.lagging, true);
    allow(10 * QUEUE_MAX);
    subscriber.caughtUp();
    subscriber.deliver(new Uint8Array(1), 1);
    allow(0);
    subscriber.deliver(new Uint8Array(QUEUE_MAX), 1);
    subscriber.deliver(new Uint8Array(1), 1);
    assert.equal(subscriber.lagging, true, "the history is over");
  });

  it("gets little while all queues together are past their bound", () => {
    const others = new Set([{ pending: QUEUES_TOTAL }]);
    const { connection } = connectionTaking();
    const subscriber = new Subscriber(connection, parseName(":a"), others, () => 0);
    subscriber.deliver(new Uint8Array(1), 1);
    subscriber.deliver(new Uint8Array(QUEUE_FREE), 1);
    assert.equal(subscriber.lagging, false, "at the bound");
    others.add({ pending: 1 });
    subscriber.deliver(new Uint8Array(1), 1);
    assert.equal(subscriber.lagging, true, "past the bound");
    const { connection: another } = connectionTaking();
    const careful = new Subscriber(another, parseName(":b"), others, () => 0);
    careful.deliver(new Uint8Array(QUEUE_FREE - 1), 1);
    careful.deliver(new Uint8Array(1), 1);
    assert.equal(careful.lagging, false, "what is always allowed");
  });

  it("loses all until it has caught up, and is then told how much", () => {
    const { connection, taken, allow } = connectionTaking();
    const subscriber = new Subscriber(connection, parseName("foo:a"), new Set(), () => 1_748_513_472_345);
    subscriber.deliver(new Uint8Array(100), 1);
    subscriber.giveUp();
    subscriber.deliver(new Uint8Array(10), 2);
    allow(99);
    subscriber.deliver(new Uint8Array(10), 5);
    assert.equal(subscriber.dropped, 7);
    allow(10_000);
    taken.length = 0;
    subscriber.caughtUp();
    assert.deepEqual([subscriber.lagging, subscriber.dropped], [false, 0]);
    const [notice] = taken;
    assert.ok(notice !== undefined);
    const { header, payload } = decodeMessage(notice.subarray(4));
    assert.equal(header.name.text, "foo:a");
    assert.deepEqual(payload, {
      kind: "data",
      data: {
        kind: "console",
        timestamp: 1_748_513_472_345,
        line: new TextEncoder().encode("[albatross: 7 lines dropped for this subscriber]"),
      },
    });
    subscriber.deliver(new Uint8Array(5), 1);
    assert.equal(taken.length, 2);
  });

  it("is told nothing if it caught up in time, and cannot be given up with nothing queued", () => {
    const { connection, taken, allow } = connectionTaking();
    const subscriber = new Subscriber(connection, parseName(":a"), new Set(), () => 0);
    subscriber.giveUp();
    assert.equal(subscriber.lagging, false);
    subscriber.deliver(new Uint8Array(100), 1);
    subscriber.giveUp();
    assert.equal(subscriber.lagging, true);
    allow(1000);
    subscriber.caughtUp();
    assert.deepEqual([subscriber.lagging, taken.length], [false, 1]);
  });

  it("counts one line as one line", () => {
    assert.equal(lossNotice(1), "[albatross: 1 line dropped for this subscriber]");
  });
});
