import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseName } from "../../../core/name.ts";
import { createLog } from "../../../daemon/common/log.ts";
import { ConsoleService, SUBSCRIPTIONS_MAX, type Subscription } from "../../../daemon/console/console-service.ts";
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
});
