/**
 * Whatever is asked for in whatever order: no limit is ever exceeded by what was admitted, and no state is modified.
 *
 * @module
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { fromText } from "../../../core/byte-string.ts";
import { apply } from "../../../core/engine/apply.ts";
import { decide, decideCreate } from "../../../core/engine/decide.ts";
import type { Event } from "../../../core/engine/event.ts";
import { EMPTY_STATE, type State } from "../../../core/engine/state.ts";
import { add, type Int } from "../../../core/int.ts";
import { type Label, Name } from "../../../core/name.ts";
import { bridgeOf } from "../../../core/resources.ts";
import type { Command } from "../../../core/wire/message.ts";
import { disk, on, plain, run, spec } from "./sample.ts";

// A small world, so that commands meet each other.
const label = fc.constantFrom("a", "b", "c").map((text) => text as Label);
const path = fc.array(label, { maxLength: 2 }).map((labels) => new Name(labels, undefined));
const thing = fc.tuple(fc.array(label, { maxLength: 2 }), label).map(([labels, last]) => new Name(labels, last));
const cpuIds = (least: number) => fc.subarray([0, 1, 2], { minLength: least });
const bridges = (most: number) => fc.subarray(["br0", "br1"], { maxLength: most });

const policy = fc.record({
  unikernels: fc.integer({ min: -1, max: 8 }),
  cpuIds: cpuIds(1),
  memory: fc.integer({ min: -1, max: 120 }),
  block: fc.option(fc.integer({ min: -1, max: 10 }), { nil: undefined }),
  bridges: bridges(2).map((names) => names.map(fromText)),
});

const wanted = fc
  .record({
    cpuIds: cpuIds(0),
    memory: fc.integer({ min: -5, max: 40 }),
    networks: bridges(1).map((names) => names.map((bridge) => on(bridge, `to${bridge}`))),
    blockDevices: fc
      .oneof({ weight: 3, arbitrary: fc.constant([]) }, fc.subarray(["a", "b", "c"], { maxLength: 2 }))
      .map((names) => names.map((name) => disk(name, name))),
  })
  .map(plain);

type Step =
  | {
      readonly kind: "create";
      readonly name: Name;
      readonly arguments: ReturnType<typeof plain>;
      readonly force: boolean;
    }
  | { readonly kind: "command"; readonly name: Name; readonly command: Command }
  | { readonly kind: "exit"; readonly name: Name; readonly next: "waiting" | "failed" | "ended" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("create" as const), name: thing, arguments: wanted, force: fc.boolean() }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("command" as const),
      name: path,
      command: fc.oneof(
        policy.map((value): Command => ({ kind: "policy-add", policy: value })),
        fc.constant<Command>({ kind: "policy-remove" }),
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("command" as const),
      name: thing,
      command: fc.oneof(
        fc.constant<Command>({ kind: "unikernel-destroy" }),
        fc.constant<Command>({ kind: "unikernel-restart", arguments: undefined }),
        wanted.map((value): Command => ({ kind: "unikernel-restart", arguments: value })),
        fc.integer({ min: -1, max: 6 }).map((size): Command => ({ kind: "block-add", size })),
        fc.constant<Command>({ kind: "block-remove" }),
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("exit" as const),
      name: thing,
      next: fc.constantFrom("waiting" as const, "failed" as const, "ended" as const),
    }),
  },
);

let instances = 0;

/** The events of a step, as albatrossd makes them when nothing goes wrong. */
function events(state: State, taken: Step): readonly Event[] {
  const { name } = taken;
  if (taken.kind === "exit") {
    const unikernel = state.unikernels.get(name.key);
    if (unikernel?.phase.kind !== "running") return [];
    const { instance } = unikernel.phase.run;
    const exited: Event = {
      kind: "unikernel-exited",
      name,
      instance,
      end: { kind: "exit", code: 2 },
      status: "exit 2",
      at: 1,
    };
    if (taken.next === "ended") return [exited, { kind: "unikernel-ended", name, status: "exit 2", at: 1 }];
    return [exited, { kind: `unikernel-${taken.next}`, name, until: 1, reason: "exit 2", failures: 1 }];
  }
  const started: Event = { kind: "unikernel-started", name, run: run(`i${instances++}`) };
  if (taken.kind === "create") {
    if (decideCreate(state, name, taken.arguments, taken.force).kind !== "plan") return [];
    const kind = state.unikernels.has(name.key) ? "unikernel-respecified" : "unikernel-admitted";
    return [{ kind, name, spec: spec(taken.arguments) }, started];
  }
  const decision = decide(state, name, taken.command);
  if (decision?.kind === "reply") return decision.events;
  if (decision?.kind !== "plan") return [];
  const { plan } = decision;
  if (plan.kind === "stop") return [{ kind: "unikernel-removed", name }];
  if (plan.kind === "add-block") return [{ kind: "block-added", name, size: plan.size }];
  if (plan.kind === "remove-block") return [{ kind: "block-removed", name }];
  assert.ok(plan.kind === "restart");
  return [{ kind: "unikernel-respecified", name, spec: spec(plan.arguments) }, started];
}

/** Everything in a state, as text: to see whether it was modified. */
function snapshot(state: State): string {
  return JSON.stringify([[...state.policies], [...state.unikernels], [...state.blocks], [...state.ended]]);
}

function checkInvariants(state: State): void {
  const sum = (values: readonly Int[]) => values.reduce<Int>(add, 0);
  for (const { name, policy: limits } of state.policies.values()) {
    const below = [...state.unikernels.values()].filter((one) => one.name.parentPath.isWithin(name));
    assert.ok(below.length === 0 || below.length <= limits.unikernels, `${name}: too many unikernels`);
    const memory = sum(below.map((one) => one.arguments.memory));
    assert.ok(below.length === 0 || memory <= limits.memory, `${name}: too much memory`);
    for (const { arguments: given } of below) {
      assert.ok(given.memory > 0);
      for (const id of given.cpuIds) assert.ok(limits.cpuIds.includes(id), `${name}: CPU ${id}`);
      for (const one of given.networks) assert.ok(limits.bridges.includes(bridgeOf(one)), `${name}: ${bridgeOf(one)}`);
    }
    const blocks = [...state.blocks.values()].filter((one) => one.name.parentPath.isWithin(name));
    assert.ok(blocks.length === 0 || sum(blocks.map(({ size }) => size)) <= (limits.block ?? 0), `${name}: blocks`);
  }
  for (const map of [state.policies, state.unikernels, state.blocks]) {
    for (const [key, { name }] of map) assert.equal(key, name.key);
  }
  const used = new Set<string>();
  for (const { name, arguments: given } of state.unikernels.values()) {
    for (const { device } of given.blockDevices) {
      const block = name.sibling(device as unknown as Label).key;
      assert.ok(state.blocks.has(block), `${block} was removed while it was used`);
      assert.ok(!used.has(block), `${block} is used twice`);
      used.add(block);
    }
  }
}

describe("any sequence of commands", () => {
  it("keeps every limit, every block device to one user, and every earlier state as it was", () => {
    let admitted = 0;
    let refused = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), (steps) => {
        let state = EMPTY_STATE;
        for (const taken of steps) {
          const todo = events(state, taken);
          if (taken.kind === "create") todo.length > 0 ? admitted++ : refused++;
          for (const event of todo) {
            const before = snapshot(state);
            const next = apply(state, event);
            assert.equal(snapshot(state), before, `${event.kind} modified its state`);
            state = next;
          }
          checkInvariants(state);
        }
      }),
      { numRuns: 600 },
    );
    assert.ok(admitted > 500 && refused > 500, `${admitted} admitted, ${refused} refused`);
  });
});
