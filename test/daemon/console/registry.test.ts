import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseName } from "../../../core/name.ts";
import { CONSOLES_MAX, ConsoleRegistry, WAITING_MAX } from "../../../daemon/console/registry.ts";
import { RingBudget } from "../../../daemon/console/ring.ts";

const make = () => new ConsoleRegistry<string>(new RingBudget());

function activate(registry: ConsoleRegistry<string>, name: string, limit: number | bigint): string[] {
  const { console, evicted } = registry.activate(parseName(name), limit);
  assert.ok(console !== undefined);
  return evicted.map((gone) => gone.text);
}

const inactive = (registry: ConsoleRegistry<string>, path: string) =>
  registry.inactive(parseName(path)).map((name) => name.text);

describe("the registry of consoles", () => {
  it("drops, past the limit of a path, what has been inactive for longest", () => {
    const registry = make();
    for (const name of ["p:a", "p:b", "p:c"]) assert.deepEqual(activate(registry, name, 3), []);
    for (const name of ["p:b", "p:a", "p:c"]) registry.deactivate(parseName(name));
    assert.deepEqual(activate(registry, "p:d", 3), ["p:b"]);
    assert.deepEqual(inactive(registry, ":"), ["p:c", "p:a"]);
    assert.deepEqual(activate(registry, "q:x", 1), [], "another path has a limit of its own");
    assert.deepEqual(activate(registry, "p:e", 2), ["p:a"]);
  });

  it("drops one for each that comes, also where the limit is lower than what is there", () => {
    const registry = make();
    for (const name of ["p:a", "p:b", "p:c"]) activate(registry, name, 0);
    for (const name of ["p:b", "p:a", "p:c"]) registry.deactivate(parseName(name));
    assert.deepEqual(activate(registry, "p:d", 0), ["p:b"]);
    assert.deepEqual(activate(registry, "p:e", 0), ["p:a"]);
    assert.deepEqual(inactive(registry, "p:"), ["p:c"]);
  });

  it("never drops an active console, and says that there are too many", () => {
    const registry = make();
    activate(registry, "p:a", 1);
    const second = registry.activate(parseName("p:b"), 1);
    assert.deepEqual([second.evicted, second.crowded], [[], true]);
    assert.notEqual(registry.find(parseName("p:a"))?.ring, undefined);
    const alone = make().activate(parseName(":a"), 0);
    assert.deepEqual([alone.evicted, alone.crowded], [[], false]);
    assert.deepEqual(activate(make(), ":a", 2n ** 62n - 1n), []);
  });

  it("keeps the history of a console that is activated again", () => {
    const registry = make();
    activate(registry, ":a", 1);
    const ring = registry.find(parseName(":a"))?.ring;
    ring?.push(1, Uint8Array.of(1), 0, 1);
    registry.deactivate(parseName(":a"));
    activate(registry, ":a", 1);
    assert.equal(registry.find(parseName(":a"))?.ring, ring);
    assert.equal(ring?.count, 1);
    assert.equal(registry.find(parseName(":a"))?.active, true);
  });

  it("lets waiting subscriptions displace nothing, and forgets them with their last subscriber", () => {
    const registry = make();
    activate(registry, ":a", 1);
    registry.deactivate(parseName(":a"));
    for (let at = 0; at < 10; at++) registry.await(parseName(`:w${at}`))?.subscribers.add("s");
    assert.deepEqual(inactive(registry, ":"), [":a"]);
    registry.unsubscribe(parseName(":w0"), "somebody else");
    assert.notEqual(registry.find(parseName(":w0")), undefined);
    registry.unsubscribe(parseName(":w0"), "s");
    assert.equal(registry.find(parseName(":w0")), undefined);
  });

  it("keeps the subscribers of a console whose history is dropped: they wait", () => {
    const registry = make();
    activate(registry, ":a", 1);
    registry.find(parseName(":a"))?.subscribers.add("s");
    registry.deactivate(parseName(":a"));
    assert.deepEqual(activate(registry, ":b", 1), [":a"]);
    const waiting = registry.find(parseName(":a"));
    assert.deepEqual([waiting?.ring, waiting?.active, waiting?.subscribers.size], [undefined, false, 1]);
    activate(registry, ":a", 2);
    assert.equal(registry.find(parseName(":a"))?.subscribers.size, 1);
  });

  it("allows only so many waiting names", () => {
    const registry = make();
    for (let at = 0; at < WAITING_MAX; at++) {
      assert.notEqual(registry.await(parseName(`:w${at}`)), undefined);
      registry.find(parseName(`:w${at}`))?.subscribers.add("s");
    }
    assert.equal(registry.await(parseName(":more")), undefined);
    assert.notEqual(registry.await(parseName(":w3")), undefined, "one that is known");
    activate(registry, ":w3", 5);
    assert.notEqual(registry.await(parseName(":more")), undefined, "w3 waits no longer");
    registry.find(parseName(":more"))?.subscribers.add("s");
    registry.unsubscribe(parseName(":w4"), "s");
    assert.notEqual(registry.await(parseName(":another")), undefined);
  });

  it("allows only so many consoles: inactive ones make room, active ones do not", () => {
    const registry = make();
    for (let at = 0; at < CONSOLES_MAX; at++) activate(registry, `p${at}:a`, 1);
    assert.equal(registry.activate(parseName(":more"), 1).console, undefined);
    registry.deactivate(parseName("p7:a"));
    assert.deepEqual(activate(registry, ":more", 1), ["p7:a"]);
    assert.equal(registry.activate(parseName(":again"), 1).console, undefined);
  });

  it("lists what is inactive at or below a path, in descending order", () => {
    const registry = make();
    for (const name of [":k", "foo:a", "foo:b", "foo:bar:c", "foobar:d", ":foo"]) {
      activate(registry, name, 9);
      registry.deactivate(parseName(name));
    }
    activate(registry, "foo:active", 9);
    assert.deepEqual(inactive(registry, ":"), ["foobar:d", "foo:bar:c", "foo:b", "foo:a", ":k", ":foo"]);
    assert.deepEqual(inactive(registry, "foo:"), ["foo:bar:c", "foo:b", "foo:a"]);
    assert.deepEqual(inactive(registry, "foo:bar:"), ["foo:bar:c"]);
    assert.deepEqual(inactive(registry, "nothing:"), []);
  });
});
