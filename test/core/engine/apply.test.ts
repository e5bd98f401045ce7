/**
 * The life of a unikernel, told by events.
 *
 * @module
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { apply } from "../../../core/engine/apply.ts";
import type { Event } from "../../../core/engine/event.ts";
import { CRASH_LOOP_FAILURES, describePhase, EMPTY_STATE, ENDED_MAX, type State } from "../../../core/engine/state.ts";
import { parseName } from "../../../core/name.ts";
import { usedBelow } from "../../../core/resources.ts";
import { after, plain, run, running, spec } from "./sample.ts";

const name = parseName("foo:a");
const one = (state: State) => state.unikernels.get(name.key) ?? assert.fail("there is no unikernel");
const exited: Event = {
  kind: "unikernel-exited",
  name,
  instance: "run of foo:a",
  end: { kind: "exit", code: 2 },
  status: "exit 2",
  at: 5,
};
const waiting = (failures: number): Event => ({
  kind: "unikernel-waiting",
  name,
  until: 9,
  reason: "exit 2",
  failures,
});

describe("a unikernel", () => {
  it("starts, ends, waits, and starts again", () => {
    let state = after({ kind: "unikernel-admitted", name, spec: spec() });
    assert.deepEqual([one(state).phase.kind, one(state).startedAt], ["starting", 0]);
    state = apply(state, { kind: "unikernel-started", name, run: run("run of foo:a", 4_000) });
    assert.deepEqual([one(state).phase.kind, one(state).startedAt, one(state).restarts], ["running", 4_000, 0]);
    state = apply(state, exited);
    assert.deepEqual([one(state).phase.kind, one(state).lastExit], ["starting", "exit 2"]);
    state = apply(state, waiting(1));
    assert.deepEqual([describePhase(one(state)), one(state).failures], ["waiting", 1]);
    state = apply(state, { kind: "unikernel-started", name, run: run("next", 5_000) });
    assert.deepEqual([one(state).restarts, one(state).startedAt, one(state).failures], [1, 5_000, 1]);
  });

  it("shows as in a crash loop from the third failure on", () => {
    const state = after(...running("foo:a"), exited);
    assert.equal(describePhase(one(apply(state, waiting(CRASH_LOOP_FAILURES - 1)))), "waiting");
    assert.equal(describePhase(one(apply(state, waiting(CRASH_LOOP_FAILURES)))), "crash-loop");
    const failed: Event = { kind: "unikernel-failed", name, until: 3, reason: "no bridge", failures: 7 };
    assert.equal(describePhase(one(apply(state, failed))), "failed");
  });

  it("is not ended by the end of another process of it", () => {
    const state = after(...running("foo:a"));
    const again = apply(state, { ...exited, instance: "an older one" });
    assert.equal(one(again).phase.kind, "running");
  });

  it("keeps its history while a replacement is prepared, and loses it with the old process", () => {
    let state = after(...running("foo:a"), exited, waiting(5), { kind: "unikernel-started", name, run: run("b") });
    const replaced: Event = { kind: "unikernel-respecified", name, spec: spec({ memory: 99 }) };
    state = apply(state, replaced);
    assert.deepEqual([one(state).phase.kind, one(state).arguments.memory, one(state).failures], ["running", 99, 5]);
    state = apply(apply(state, { ...exited, instance: "b" }), replaced);
    assert.deepEqual([one(state).failures, one(state).restarts, one(state).lastExit], [0, 0, undefined]);
  });

  it("holds the memory of what it replaces until it has started, or that has come back", () => {
    const used = (state: State) => usedBelow(state, parseName(":")).memory;
    const before = after(...running("foo:a"));
    const larger = used(before);
    const smaller: Event = { kind: "unikernel-respecified", name, spec: spec({ memory: 1 }), heldMemory: larger };
    let state = apply(before, smaller);
    assert.deepEqual([one(state).arguments.memory, used(state)], [1, larger]);
    state = apply(apply(state, exited), smaller);
    assert.equal(used(state), larger);
    assert.equal(used(apply(state, { kind: "unikernel-started", name, run: run("b") })), 1);
    const back = apply(state, { kind: "unikernel-respecified", name, spec: spec() });
    assert.equal(used(back), larger);
    const grown = apply(before, {
      kind: "unikernel-respecified",
      name,
      spec: spec({ memory: 99 }),
      heldMemory: larger,
    });
    assert.equal(used(grown), 99);
  });

  it("forgets the option --name in what it is and what it shall be", () => {
    const state = after(...running("foo:a"), { kind: "name-option-dropped", name });
    assert.deepEqual([one(state).arguments.addName, one(state).spec.arguments.addName], [false, false]);
  });

  it("is restored as one that waits", () => {
    const state = after({ kind: "unikernel-restored", name, spec: spec(), restarts: 4 });
    assert.deepEqual([one(state).phase.kind, one(state).restarts], ["waiting", 4]);
    const adopted = apply(state, { kind: "unikernel-adopted", name, run: run("old", 77) });
    assert.deepEqual([one(adopted).phase.kind, one(adopted).startedAt, one(adopted).restarts], ["running", 77, 4]);
  });

  it("that is removed is gone; how it ended by itself is remembered until the next of its name", () => {
    const state = after(...running("foo:a"));
    assert.equal(apply(state, { kind: "unikernel-removed", name }).unikernels.size, 0);
    assert.equal(apply(state, { kind: "unikernel-removed", name }).ended.size, 0);
    const ended = apply(state, { kind: "unikernel-ended", name, status: "exit 0", at: 8 });
    assert.equal(ended.unikernels.size, 0);
    assert.equal(ended.ended.get(name.key)?.status, "exit 0");
    assert.equal(apply(ended, { kind: "unikernel-admitted", name, spec: spec() }).ended.size, 0);
  });

  it("that nobody knows is not brought to life by events about it", () => {
    const events: Event[] = [
      { kind: "unikernel-started", name, run: run() },
      { kind: "unikernel-adopted", name, run: run() },
      exited,
      waiting(1),
      { kind: "unikernel-failed", name, until: 1, reason: "", failures: 1 },
      { kind: "unikernel-respecified", name, spec: spec() },
      { kind: "name-option-dropped", name },
      { kind: "unikernel-removed", name },
      { kind: "unikernel-ended", name, status: "exit 1", at: 1 },
    ];
    for (const event of events) {
      const state = apply(EMPTY_STATE, event);
      assert.deepEqual([state.unikernels.size, state.ended.size], [0, 0], event.kind);
    }
  });
});

describe("the ends that are remembered", () => {
  it("are as many as the limit, and the oldest goes for one more", () => {
    let state = EMPTY_STATE;
    const end = (at: number) => {
      const ending = parseName(`u${at}`);
      state = apply(state, { kind: "unikernel-admitted", name: ending, spec: spec() });
      state = apply(state, { kind: "unikernel-ended", name: ending, status: `exit ${at}`, at });
    };
    for (let at = 0; at < ENDED_MAX; at++) end(at);
    assert.equal(state.ended.size, ENDED_MAX);
    assert.ok(state.ended.has("u0"));
    end(ENDED_MAX);
    assert.equal(state.ended.size, ENDED_MAX);
    assert.deepEqual(
      [state.ended.has("u0"), state.ended.has("u1"), state.ended.has(`u${ENDED_MAX}`)],
      [false, true, true],
    );
    assert.equal(plain().memory, 10);
  });
});
