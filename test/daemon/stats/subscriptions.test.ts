import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseName } from "../../../core/name.ts";
import { createLog } from "../../../daemon/common/log.ts";
import {
  CONNECTION_SUBSCRIPTIONS_MAX,
  namesOnTheWay,
  QUEUES_TOTAL,
  SUBSCRIPTIONS_MAX,
  Subscriber,
  Subscriptions,
} from "../../../daemon/stats/subscriptions.ts";
import type { Connection } from "../../../runtime/unix-socket.ts";
import { until } from "../../end-to-end/harness.ts";
import { sampleStatistics } from "../../support/statistics.ts";
import { ask, namesOf, StatsRig, samples, subscribe } from "./rig.ts";

describe("a subscription", () => {
  for (const [subscribed, unikernel, name] of [
    [":", "foo:hello", "foo:hello"],
    ["foo:", "foo:hello", ":hello"],
    ["foo:", "foo:bar:x", "bar:x"],
    ["foo:hello", "foo:hello", ":hello"],
    [":hello", ":hello", ":hello"],
    [":foo", "foo:hello", "foo:hello"],
  ] as const) {
    it(`to ${subscribed} gets ${unikernel} as ${name}`, () =>
      StatsRig.with(async (rig) => {
        await rig.add(unikernel, process.pid);
        const wire = await rig.subscriber(subscribed);
        rig.tick();
        await samples(wire, 1);
        assert.deepEqual(namesOf(wire), [name]);
        const { header } = wire.messages[1] ?? assert.fail();
        assert.equal(header.sequence, 0n);
      }));
  }

  it("to a path that is longer than the name of a unikernel gets nothing, and ends nobody", () =>
    StatsRig.with(async (rig) => {
      await rig.add("foo:bar", process.pid);
      await rig.add("foo:barn", process.pid);
      const longer = await rig.subscriber("foo:bar:");
      const other = await rig.subscriber("foo:");
      rig.tick();
      rig.tick();
      await samples(other, 4);
      assert.deepEqual(namesOf(longer), []);
      assert.deepEqual(namesOf(other), [":bar", ":barn", ":bar", ":barn"]);
    }));

  it("comes in the order of the names, and there may be several on a connection", () =>
    StatsRig.with(async (rig) => {
      for (const name of ["z:a", "b", "a", "a:c"]) await rig.add(name, process.pid);
      const wire = await rig.subscriber(":");
      assert.equal(await ask(wire, "a:", subscribe), "subscribed");
      assert.equal(await ask(wire, "a:", subscribe), "subscribed");
      rig.tick();
      await samples(wire, 5);
      assert.deepEqual(namesOf(wire), [":a", "a:c", ":b", "z:a", ":c"]);
    }));

  it("is not disturbed by others to the same name, nor by their ends", () =>
    StatsRig.with(async (rig) => {
      await rig.add("a", process.pid);
      const wires = [await rig.subscriber("a"), await rig.subscriber("a"), await rig.subscriber("a")];
      rig.tick();
      for (const wire of wires) await samples(wire, 1);
      wires[1]?.close();
      await until("the end of one is noticed", () => rig.service.subscriptions.count === 2);
      rig.tick();
      for (const wire of [wires[0], wires[2]]) await samples(wire ?? assert.fail(), 2);
    }));

  it("measures nothing that nobody wants", () =>
    StatsRig.with(async (rig) => {
      const sampled: number[] = [];
      const source = {
        interfaceVersion: 1,
        name: "counting",
        open: ({ pid }: { pid: number }) => ({
          sample: () => {
            sampled.push(pid);
            return sampleStatistics;
          },
          close: () => undefined,
        }),
      } as const;
      await StatsRig.with(
        async (counted) => {
          await counted.add("a:x", 1);
          await counted.add("b:x", 2);
          counted.tick();
          const wire = await counted.subscriber("b:");
          counted.tick();
          await samples(wire, 1);
          assert.deepEqual(sampled, [2]);
        },
        [source],
      );
      assert.equal(rig.service.subscriptions.count, 0);
    }));
});

/** A connection that takes nothing, as one whose peer does not read. */
interface Stuck {
  readonly connection: Connection;
  sent: number;
  destroyed: boolean;
}

function stuck(): Stuck {
  const state: Stuck = {
    sent: 0,
    destroyed: false,
    connection: {
      send(bytes: Uint8Array) {
        state.sent += bytes.length;
        return false;
      },
      get pending() {
        return state.destroyed ? 0 : state.sent;
      },
      drained: () => Promise.resolve(),
      end: () => undefined,
      destroy() {
        state.destroyed = true;
      },
      pause: () => undefined,
      resume: () => undefined,
    },
  };
  return state;
}

const quiet = () => createLog("test", "quiet", { write: () => undefined, writableLength: 0 });

describe("a slow subscriber", () => {
  it("loses whole samples, which are counted and logged once, and disturbs nobody", () =>
    StatsRig.with(async (rig) => {
      const names = Array.from({ length: 500 }, (_, at) => `u${at}`);
      for (const name of names) await rig.add(name, process.pid);
      const slow = await rig.subscriber(":");
      const other = await rig.subscriber("u7");
      slow.pause();
      let ticks = 0;
      const loses = () => rig.lines.some((line) => line.includes("is slow"));
      while (!loses() && ticks < 100) {
        rig.tick();
        ticks++;
        await samples(other, ticks);
      }
      assert.ok(loses());
      rig.tick();
      await samples(other, ticks + 1);
      slow.resume();
      await until("it has caught up", () => {
        rig.tick();
        return rig.lines.some((line) => /has caught up after losing \d+ samples/.test(line));
      });
      const lost = Number(rig.lines.join("").match(/after losing (\d+) samples/)?.[1]);
      assert.equal(lost % names.length, 0, "parts of a tick were lost");
      assert.ok(lost >= 2 * names.length);
      assert.equal(rig.lines.filter((line) => line.includes("is slow")).length, 1);
      await until("whole ticks have come", () => namesOf(slow).length % names.length === 0);
      assert.ok(namesOf(slow).every((name, at) => name === namesOf(slow)[at % names.length]));
    }));

  it("is never sent anything while something is queued for it", () => {
    const subscriptions = new Subscriptions(quiet());
    const { connection, ...state } = stuck();
    assert.equal(state.sent, 0);
    const subscriber = new Subscriber(connection);
    subscriptions.add(subscriber, parseName(":"));
    const sample = { name: parseName("a"), statistics: sampleStatistics };
    subscriptions.send([sample, sample]);
    const first = connection.pending;
    assert.ok(first > 0);
    for (let at = 0; at < 100; at++) subscriptions.send([sample, sample]);
    assert.equal(connection.pending, first);
    assert.equal(subscriber.lost, 200);
  });

  it("is closed when too much is queued for all together, the largest queue first", () => {
    const subscriptions = new Subscriptions(quiet());
    const states = [1, 2, 3].map(stuck);
    for (const state of states) subscriptions.add(new Subscriber(state.connection), parseName(":"));
    const [small, large, middle] = states;
    assert.ok(small && large && middle);
    small.sent = 1024;
    middle.sent = QUEUES_TOTAL / 2 - 1024;
    large.sent = QUEUES_TOTAL / 2;
    subscriptions.send([]);
    assert.deepEqual(
      states.map(({ destroyed }) => destroyed),
      [false, false, false],
    );
    small.sent++;
    subscriptions.send([]);
    assert.deepEqual(
      states.map(({ destroyed }) => destroyed),
      [false, true, false],
    );
  });
});

describe("the number of subscriptions", () => {
  const name = (at: number) => parseName(`n${at}`);

  it("is bounded for a connection, at the limit and one past it", () => {
    const subscriptions = new Subscriptions(quiet());
    const subscriber = new Subscriber(stuck().connection);
    for (let at = 0; at < CONNECTION_SUBSCRIPTIONS_MAX; at++) assert.ok(subscriptions.add(subscriber, name(at)));
    assert.equal(subscriptions.add(subscriber, name(CONNECTION_SUBSCRIPTIONS_MAX)), false);
    assert.ok(subscriptions.add(subscriber, name(0)), "a known one is no further one");
  });

  it("is bounded for all, at the limit and one past it, and room is given back", () => {
    const subscriptions = new Subscriptions(quiet());
    const subscribers: Subscriber[] = [];
    for (let at = 0; at < SUBSCRIPTIONS_MAX; at++) {
      const subscriber = new Subscriber(stuck().connection);
      subscribers.push(subscriber);
      assert.ok(subscriptions.add(subscriber, parseName(":")));
    }
    const late = new Subscriber(stuck().connection);
    assert.equal(subscriptions.add(late, parseName(":")), false);
    subscriptions.remove(subscribers[0] ?? late);
    assert.ok(subscriptions.add(late, parseName(":")));
    for (const subscriber of [...subscribers, late]) subscriptions.remove(subscriber);
    assert.equal(subscriptions.count, 0);
    assert.equal(subscriptions.wanted(parseName("a")), false);
  });

  it("is refused over the wire, and the connection closed", () =>
    StatsRig.with(async (rig) => {
      const wire = await rig.client();
      for (let at = 0; at < CONNECTION_SUBSCRIPTIONS_MAX; at++)
        assert.equal(await ask(wire, `n${at}`, subscribe), "subscribed");
      assert.equal(await ask(wire, "more", subscribe), "refused: too many subscriptions");
      await wire.gone();
    }));
});

describe("the names on the way", () => {
  it("are the paths and labels from the root to the name", () => {
    assert.deepEqual(namesOnTheWay(parseName("a:b:c")), [":", "a:", ":a", "a:b:", "a:b", "a:b:c"]);
    assert.deepEqual(namesOnTheWay(parseName("a")), [":", ":a"]);
    assert.deepEqual(namesOnTheWay(parseName(":")), [":"]);
  });
});
