import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { parseName } from "../../../core/name.ts";
import { createLog } from "../../../daemon/common/log.ts";
import { ConsoleService, SUBSCRIPTIONS_MAX, type Subscription } from "../../../daemon/console/console-service.ts";
import { KeptStore } from "../../../daemon/console/kept-store.ts";
import { RING_BYTES_MAX } from "../../../daemon/console/ring.ts";
import { QUEUES_TOTAL } from "../../../daemon/console/subscriber.ts";
import { connectionOver, type RawSocket } from "../../../runtime/connection.ts";

const raw: RawSocket = {
  write: (bytes) => bytes.length,
  end: () => undefined,
  terminate: () => undefined,
  pause: () => undefined,
  resume: () => undefined,
};

describe("the console service", () => {
  it("takes so many subscriptions, refuses one more, and takes it when another has ended", () => {
    const log = createLog("test", "quiet", process.stdout);
    const service = new ConsoleService({ tmpdir: "/nowhere", maxSubscribers: 4, maxLine: 512, log, now: () => 0 });
    const { connection } = connectionOver(raw, () => ({ data: () => undefined, close: () => undefined }), {});
    const subscribe = (at: number) => service.subscribe(parseName(`:u${at >> 2}`), { count: 1 }, connection);
    const subscriptions: Subscription[] = [];
    for (let at = 0; at < SUBSCRIPTIONS_MAX; at++) {
      const { subscription } = subscribe(at);
      assert.ok(subscription !== undefined, `subscription ${at}`);
      subscriptions.push(subscription);
    }
    const { reply, subscription } = subscribe(SUBSCRIPTIONS_MAX);
    assert.deepEqual(reply, { kind: "failure", text: "too many subscriptions, try again later" });
    assert.equal(subscription, undefined);
    subscriptions[7]?.end();
    assert.ok(subscribe(SUBSCRIPTIONS_MAX).subscription !== undefined);
    service.close();
  });

  it("reads the disk for so many subscribers that take nothing, and gives the others what memory has", async () => {
    const log = createLog("test", "quiet", process.stdout);
    const directory = mkdtempSync(join(tmpdir(), "albatross-history-"));
    const mebibyte = 1024 * 1024;
    const open = () => new KeptStore({ directory, maxBytes: 16 * mebibyte, totalBytes: 64 * mebibyte, log });
    try {
      const before = open();
      const output = before.activate(parseName(":a"));
      assert.ok(output !== undefined);
      const lines = new Uint8Array(Buffer.from(`${"x".repeat(499)}\n`.repeat(1000)));
      for (let size = 0; size < 9 * mebibyte; size += lines.length) {
        output.append(1, lines);
        while (output.pieces(1).length > 0) await sleep(1); // until the disk has it
      }
      await before.close();
      const service = new ConsoleService({
        tmpdir: "/nowhere",
        maxSubscribers: SUBSCRIPTIONS_MAX,
        maxLine: 512,
        log,
        now: () => 1,
        kept: open(),
      });
      const idle: RawSocket = { ...raw, write: () => 0 };
      let waiting = 0;
      let least = Number.POSITIVE_INFINITY;
      for (let at = 0; at < 48; at++) {
        const { connection } = connectionOver(idle, () => ({ data: () => undefined, close: () => undefined }), {});
        service.subscribe(parseName(":a"), { count: 100_000 }, connection).subscription?.sendHistory();
        waiting += connection.pending;
        least = Math.min(least, connection.pending);
      }
      assert.ok(waiting > QUEUES_TOTAL / 2, `histories come from disk: ${waiting}`);
      assert.ok(waiting < QUEUES_TOTAL + 48 * 2 * RING_BYTES_MAX, `but not without end: ${waiting}`);
      assert.ok(least > 0, "nobody gets nothing");
      await service.close();
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
