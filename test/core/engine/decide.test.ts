/**
 * What becomes of commands, decided on a state.
 *
 * @module
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fromText, toText } from "../../../core/byte-string.ts";
import { apply } from "../../../core/engine/apply.ts";
import {
  consoleLimit,
  DELEGATED_POLICIES_MAX,
  type Decision,
  decide,
  decideCreate,
} from "../../../core/engine/decide.ts";
import type { State } from "../../../core/engine/state.ts";
import { INT_MAX } from "../../../core/int.ts";
import { parseName } from "../../../core/name.ts";
import type { Command } from "../../../core/wire/message.ts";
import { after, disk, limit, plain, policy, running, spec } from "./sample.ts";

const name = parseName("foo:a");

/** A decision in one line. */
function told(decision: Decision | undefined): string {
  if (decision === undefined) return "not served";
  if (decision.kind === "refuse") return `refuse: ${decision.text}`;
  if (decision.kind === "plan") return `plan: ${decision.plan.kind}`;
  const { success, events } = decision;
  const text = success.kind === "string" ? toText(success.text) : success.kind;
  return [`reply: ${text}`, ...events.map((event) => event.kind)].join(", ");
}

const on = (state: State, text: string, command: Command) => told(decide(state, parseName(text), command));
const create = (state: State, text: string, force = false, changes: Parameters<typeof plain>[0] = {}) =>
  told(decideCreate(state, parseName(text), plain(changes), force));

const waiting = after(...running("foo:a"), {
  kind: "unikernel-waiting",
  name,
  until: 9,
  reason: "exit 2",
  failures: 1,
});

describe("a create", () => {
  it("is planned where the name is free", () => {
    assert.equal(create(after(), "foo:a"), "plan: start");
    const decision = decideCreate(after(), name, plain(), false);
    assert.ok(decision.kind === "plan" && decision.plan.kind === "start" && decision.plan.replaces === undefined);
  });

  it("is refused where the name is taken, unless it replaces", () => {
    const state = after(...running("foo:a"));
    assert.equal(create(state, "foo:a"), "refuse: Unikernel with same name is already running");
    const starting = after({ kind: "unikernel-admitted", name, spec: spec() });
    assert.equal(create(starting, "foo:a"), "refuse: Unikernel with same name is already running");
    assert.equal(create(waiting, "foo:a"), "refuse: unikernel with same name already exists");
    const decision = decideCreate(state, name, plain(), true);
    assert.ok(decision.kind === "plan" && decision.plan.kind === "start");
    assert.equal(decision.plan.replaces, state.unikernels.get(name.key));
  });

  it("is refused for a path", () => {
    assert.match(
      create(after(), "foo:"),
      /^refuse: create: \[unikernel: foo:\] is a path, not the name of a unikernel/,
    );
  });

  it("that replaces is checked without the one it replaces", () => {
    const state = after(limit("foo:", { memory: 20, unikernels: 1 }), ...running("foo:a", { memory: 20 }));
    assert.equal(create(state, "foo:a", true, { memory: 20 }), "plan: start");
    assert.match(create(state, "foo:a", true, { memory: 21 }), /^refuse: maximum allowed memory \(20, used 0\)/);
    assert.match(create(state, "foo:b", true), /^refuse: maximum amount of unikernels/);
  });
});

describe("a restart", () => {
  const state = after(limit("foo:", { memory: 20 }), ...running("foo:a", { memory: 15 }));

  it("takes the old arguments, or the new ones", () => {
    const same = decide(state, name, { kind: "unikernel-restart", arguments: undefined });
    assert.ok(same?.kind === "plan" && same.plan.kind === "restart");
    assert.equal(same.plan.arguments.memory, 15);
    const other = decide(state, name, { kind: "unikernel-restart", arguments: plain({ memory: 20 }) });
    assert.ok(other?.kind === "plan" && other.plan.kind === "restart");
    assert.equal(other.plan.arguments.memory, 20);
  });

  it("is refused by policy, and for what is not there", () => {
    const larger: Command = { kind: "unikernel-restart", arguments: plain({ memory: 21 }) };
    assert.match(on(state, "foo:a", larger), /^refuse: maximum allowed memory/);
    const restart: Command = { kind: "unikernel-restart", arguments: undefined };
    assert.equal(on(state, "foo:b", restart), "refuse: destroy: not found");
    assert.equal(on(state, "foo:a:", restart), "refuse: destroy: not found", "a path is no unikernel");
    assert.equal(on(waiting, "foo:a", restart), "plan: restart");
  });
});

describe("a destroy", () => {
  it("stops what is there in any phase", () => {
    const destroy: Command = { kind: "unikernel-destroy" };
    assert.equal(on(after(...running("foo:a")), "foo:a", destroy), "plan: stop");
    assert.equal(on(waiting, "foo:a", destroy), "plan: stop");
    assert.equal(on(waiting, "foo:a:", destroy), "refuse: destroy: not found");
    assert.equal(on(after(), "foo:a", destroy), "refuse: destroy: not found");
  });
});

describe("getting an image", () => {
  it("takes levels of compression from 0 to 9 only", () => {
    const state = after(...running("foo:a"));
    for (const level of [0, 9]) assert.equal(on(state, "foo:a", { kind: "unikernel-get", level }), "plan: image");
    for (const level of [-1, 10, INT_MAX]) {
      const text = `refuse: get: compression level ${level} is not between 0 and 9`;
      assert.equal(on(state, "foo:a", { kind: "unikernel-get", level }), text);
    }
    assert.equal(on(state, "foo:b", { kind: "unikernel-get", level: 0 }), "refuse: get: no unikernel found");
    assert.equal(on(state, "foo:b", { kind: "unikernel-get", level: 99 }), "refuse: get: no unikernel found");
  });
});

describe("policies", () => {
  it("are added, left alone if they are the same, and removed", () => {
    const add = (changes = {}): Command => ({ kind: "policy-add", policy: policy(changes) });
    assert.equal(on(after(), "foo:", add()), "reply: added policy, policy-added");
    const state = after(limit("foo:"));
    assert.equal(on(state, "foo:", add()), "reply: no modification of policy");
    for (const changes of [{ unikernels: 9 }, { memory: 1 }, { block: undefined }, { cpuIds: [0] }, { bridges: [] }]) {
      assert.equal(on(state, "foo:", add(changes)), "reply: added policy, policy-added");
    }
    assert.equal(
      on(state, "foo:bar:", add({ memory: 1001 })),
      "refuse: policy above allows 1000 MB memory, which is fewer than 1001 MB",
    );
    assert.equal(on(state, "foo:", { kind: "policy-remove" }), "reply: removed policy, policy-removed");
    assert.equal(on(state, "bar:", { kind: "policy-remove" }), "refuse: unknown policy");
  });

  it("concern the path of a name only", () => {
    const decision = decide(after(), parseName("foo:label"), { kind: "policy-add", policy: policy() });
    assert.ok(decision?.kind === "reply");
    const [event] = decision.events;
    assert.ok(event?.kind === "policy-added");
    assert.equal(event.name.text, "foo:");
    assert.equal(on(after(limit("foo:")), "foo:x", { kind: "policy-remove" }), "reply: removed policy, policy-removed");
  });

  it("are told of with relative names", () => {
    const state = after(limit(":"), limit("foo:"), limit("foo:bar:"));
    const decision = decide(state, parseName("foo:x"), { kind: "policy-info" });
    assert.ok(decision?.kind === "reply" && decision.success.kind === "policies");
    assert.deepEqual(
      decision.success.policies.map((one) => one.name.text),
      [":", "bar:"],
    );
  });

  it("say how many consoles there may be", () => {
    const state = after(limit("foo:", { unikernels: 4 }));
    assert.equal(consoleLimit(state, parseName("foo:x")), 4);
    assert.equal(consoleLimit(state, parseName("x")), INT_MAX);
    assert.equal(consoleLimit(state, parseName("foo:bar:x")), 0);
  });
});

describe("block devices", () => {
  const block = { kind: "block-added", name: parseName("foo:one"), size: 3 } as const;

  it("are added within bounds", () => {
    const add = (size: number | bigint): Command => ({ kind: "block-add", size });
    assert.equal(on(after(), "foo:one", add(1)), "plan: add-block");
    assert.equal(on(after(block), "foo:one", add(1)), "refuse: block device with same name already exists");
    const most = Math.floor(Number.MAX_SAFE_INTEGER / 2 ** 20);
    assert.equal(on(after(), "foo:one", add(most)), "plan: add-block");
    for (const size of [0, -1, most + 1, INT_MAX]) {
      assert.equal(on(after(), "foo:one", add(size)), "refuse: overflow while computing bytes");
    }
    assert.match(on(after(), "foo:", add(1)), /^refuse: add block: .* is a path/);
  });

  it("are removed unless a unikernel has them, in whatever phase", () => {
    const remove: Command = { kind: "block-remove" };
    assert.equal(on(after(block), "foo:one", remove), "plan: remove-block");
    const used = [block, ...running("foo:a", { blockDevices: [disk("one")] })];
    assert.equal(on(after(...used), "foo:one", remove), "refuse: remove block: is in use");
    const failed = { kind: "unikernel-failed", name, until: 1, reason: "no", failures: 1 } as const;
    assert.equal(on(after(...used, failed), "foo:one", remove), "refuse: remove block: is in use");
    assert.equal(on(after(block), "foo:two", remove), "refuse: remove block: not found");
    assert.equal(on(after(block), "foo:one:", remove), "refuse: remove block: not found");
  });

  it("are told of with their use", () => {
    const state = after(
      block,
      { ...block, name: parseName("foo:two") },
      ...running("foo:a", { blockDevices: [disk("one")] }),
    );
    const decision = decide(state, parseName("foo:"), { kind: "block-info" });
    assert.ok(decision?.kind === "reply" && decision.success.kind === "block-devices");
    assert.deepEqual(
      decision.success.devices.map((one) => [one.name.text, one.size, one.active]),
      [
        [":two", 3, false],
        [":one", 3, true],
      ],
    );
  });
});

describe("other daemons' commands", () => {
  it("are not served", () => {
    assert.equal(on(after(), ":", { kind: "console-inactive" }), "not served");
    assert.equal(on(after(), ":", { kind: "statistics-subscribe" }), "not served");
    assert.equal(fromText("x").length, 1);
  });
});

describe("policies of delegations", () => {
  const state = after();
  const at = (time: number, delegated: boolean) => ({ at: time, delegated });
  const run = (from: typeof state, source: { at: number; delegated: boolean }, changes = {}) => {
    const decision = decide(from, parseName("foo:"), { kind: "policy-add", policy: policy(changes) }, source);
    assert.ok(decision?.kind === "reply");
    return decision.events.reduce(apply, from);
  };

  it("of an older certificate do not undo those of a newer one", () => {
    const newer = run(state, at(2_000, true), { memory: 100 });
    const older = run(newer, at(1_000, true), { memory: 50 });
    assert.equal(older.policies.get("foo")?.policy.memory, 100);
    assert.equal(run(older, at(3_000, true), { memory: 70 }).policies.get("foo")?.policy.memory, 70);
  });

  it("do not undo what an administrator said after they were made", () => {
    const delegated = run(state, at(2_000, true), { memory: 100 });
    const own = run(delegated, at(5_000, false), { memory: 40 });
    assert.equal(run(own, at(2_000, true), { memory: 100 }).policies.get("foo")?.policy.memory, 40);
  });

  it("bind also where an administrator has removed them: a tenant without a policy would have the whole host", () => {
    const delegated = run(state, at(2_000, true), { memory: 100 });
    const removal = decide(delegated, parseName("foo:"), { kind: "policy-remove" }, at(5_000, false));
    assert.ok(removal?.kind === "reply");
    const removed = removal.events.reduce(apply, delegated);
    assert.equal(removed.policies.has("foo"), false);
    const older = run(removed, at(1_000, true), { memory: 120 });
    assert.equal(older.policies.get("foo")?.policy.memory, 120);
    assert.equal(run(older, at(2_000, true), { memory: 100 }).policies.get("foo")?.policy.memory, 100);
  });

  it("remember the newest certificate even where its policy changes nothing", () => {
    const first = run(state, at(1_000, true));
    const second = run(first, at(3_000, true));
    assert.equal(second.settled.get("foo")?.at, 3_000);
    assert.equal(run(second, at(2_000, true), { memory: 99 }).policies.get("foo")?.policy.memory, policy({}).memory);
  });

  it("are bounded below each tenant, at the limit and one past it; an administrator's are not", () => {
    const make = (path: string, delegated: boolean, from: typeof state) =>
      decide(from, parseName(path), { kind: "policy-add", policy: policy({}) }, at(1_000, delegated));
    let full = state;
    for (let count = 1; count < DELEGATED_POLICIES_MAX; count++) {
      full = apply(full, { kind: "policy-added", name: parseName(`bar:p${count}:`), policy: policy({}) });
    }
    const last = make("bar:a:last:", true, full);
    assert.match(told(last), /^reply: added policy/);
    assert.ok(last?.kind === "reply");
    full = last.events.reduce(apply, full);
    const refusal = `refuse: there are ${DELEGATED_POLICIES_MAX} policies below bar: already. Have some removed`;
    assert.equal(told(make("bar:a:more:", true, full)), refusal);
    assert.match(told(make("bar:p1:", true, full)), /^reply: no modification of policy/);
    for (const path of ["bar:", "baz:", "baz:p1:"]) assert.match(told(make(path, true, full)), /^reply: added policy/);
    assert.match(told(make("bar:a:more:", false, full)), /^reply: added policy/);
  });
});
