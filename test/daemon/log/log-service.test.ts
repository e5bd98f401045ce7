/**
 * What the log does for its connections, at its limits.
 */
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { fromText } from "../../../core/byte-string.ts";
import { Name, parseName } from "../../../core/name.ts";
import { createLog } from "../../../daemon/common/log.ts";
import { PENDING_MAX } from "../../../daemon/log/journal.ts";
import { LogService, READERS_MAX, READERS_PER_NAME_MAX } from "../../../daemon/log/log-service.ts";
import type { Connection } from "../../../runtime/unix-socket.ts";
import { until } from "../../end-to-end/harness.ts";
import { JournalRig } from "./journal-rig.ts";

/** A connection that notes what is done with it. */
function connection() {
  const calls: string[] = [];
  const note = (call: string) => () => void calls.push(call);
  const made: Connection = {
    send: () => true,
    pending: 0,
    drained: async () => undefined,
    end: note("end"),
    destroy: note("destroy"),
    pause: note("pause"),
    resume: note("resume"),
  };
  return { made, calls };
}

describe("the log's service", () => {
  let rig: JournalRig;
  let service: LogService;

  beforeEach(() => {
    rig = new JournalRig();
    service = new LogService(createLog("test", "quiet", { write: () => undefined, writableLength: 0 }), () => 1);
    rig.listener = (entries) => service.committed(entries);
    service.journal = rig.open({ maxBytes: 64 * 1024 * 1024 });
  });

  afterEach(async () => await rig.remove());

  it("has so many subscribers, so many of them of one name, and refuses the next", () => {
    const subscribe = (name: string) => service.subscribe(parseName(name), { count: 0 }, connection().made).reader;
    const readers = Array.from({ length: READERS_PER_NAME_MAX }, () => subscribe("foo:"));
    assert.ok(readers.every((reader) => reader !== undefined));
    assert.equal(subscribe("foo:"), undefined);
    assert.equal(subscribe("foo"), undefined); // the same place in the tree
    for (let at = readers.length; at < READERS_MAX; at++) assert.ok(subscribe(`a:${at}`) !== undefined, String(at));
    assert.equal(subscribe("another:"), undefined);
    const [first] = readers;
    assert.ok(first !== undefined);
    service.unsubscribe(first);
    assert.ok(subscribe("another:") !== undefined);
    assert.equal(subscribe("foo:"), undefined);
  });

  it("holds feeders back while too much waits to be written, at the limit and one past it", async () => {
    const { made, calls } = connection();
    const status = fromText("x".repeat(60_000));
    const event = { kind: "unikernel-ended", name: parseName("foo:a"), status } as const;
    let acknowledged = 0;
    const feeder = {
      acknowledge: () => {
        acknowledged++;
      },
      flush: () => undefined,
    };
    let taken = 0;
    while (calls.length === 0) {
      const header = { sequence: 0n, name: Name.root };
      service.take({ timestamp: 1, event }, { header, feeder }, made);
      taken++;
      assert.ok(taken < 1000, "nobody is held back");
    }
    assert.ok(taken * 60_000 < PENDING_MAX + 2 * 60_000 && taken * 60_200 > PENDING_MAX, `after ${taken}`);
    await until("all are written", () => acknowledged === taken);
    assert.deepEqual(calls, ["pause", "resume"]);
  });
});
