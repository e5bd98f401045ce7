/**
 * Folds an event into the state.
 *
 * @module
 */
import type { Name } from "../name.ts";
import type { BlockEntry } from "../resources.ts";
import type { Event } from "./event.ts";
import { ENDED_MAX, type State, type Unikernel, type UnikernelSpec } from "./state.ts";

function put<T>(map: ReadonlyMap<string, T>, name: Name, value: T): ReadonlyMap<string, T> {
  return new Map(map).set(name.key, value);
}

function without<T>(map: ReadonlyMap<string, T>, name: Name): ReadonlyMap<string, T> {
  const copy = new Map(map);
  copy.delete(name.key);
  return copy;
}

function fresh(name: Name, spec: UnikernelSpec, restarts: number): Unikernel {
  return {
    name,
    spec,
    arguments: spec.arguments,
    phase: { kind: "starting" },
    restarts,
    failures: 0,
    startedAt: 0,
    lastExit: undefined,
  };
}

/** The unikernel after the event; `undefined` if it is gone or the event is not about one that is known. */
function applyToUnikernel(before: Unikernel | undefined, event: Event): Unikernel | undefined {
  switch (event.kind) {
    case "unikernel-admitted":
      return fresh(event.name, event.spec, 0);
    case "unikernel-restored":
      return {
        ...fresh(event.name, event.spec, event.restarts),
        phase: { kind: "waiting", until: 0, reason: "albatrossd has just been started" },
      };
    case "unikernel-removed":
    case "unikernel-ended":
      return undefined;
  }
  if (before === undefined) return undefined;
  switch (event.kind) {
    case "unikernel-respecified": {
      const { spec, heldMemory } = event;
      const changed = { ...before, spec, arguments: spec.arguments, heldMemory };
      // Once the former process has ended, its history is over, too.
      return before.phase.kind === "running" ? changed : { ...changed, restarts: 0, failures: 0, lastExit: undefined };
    }
    case "unikernel-started":
      return {
        ...before,
        heldMemory: undefined,
        phase: { kind: "running", run: event.run },
        restarts: before.lastExit === undefined ? before.restarts : before.restarts + 1,
        startedAt: event.run.startedAt,
      };
    case "unikernel-adopted":
      return { ...before, phase: { kind: "running", run: event.run }, startedAt: event.run.startedAt };
    case "unikernel-exited":
      if (before.phase.kind !== "running" || before.phase.run.instance !== event.instance) return before;
      return { ...before, phase: { kind: "starting" }, lastExit: event.status };
    case "unikernel-waiting":
      return {
        ...before,
        phase: { kind: "waiting", until: event.until, reason: event.reason },
        failures: event.failures,
      };
    case "unikernel-failed":
      return {
        ...before,
        phase: { kind: "failed", until: event.until, reason: event.reason },
        failures: event.failures,
      };
    case "name-option-dropped": {
      const changed = { ...before.arguments, addName: false };
      return { ...before, arguments: changed, spec: { ...before.spec, arguments: changed } };
    }
    default:
      return before;
  }
}

/** The remembered ends after an event about a unikernel: a new end is remembered, a new life forgets the former end. */
function remember(state: State, event: Event & { readonly name: Name }): State["ended"] {
  const { name } = event;
  if (event.kind === "unikernel-ended") {
    const before = state.unikernels.get(name.key);
    if (before === undefined) return state.ended;
    const { restarts, startedAt } = before;
    const ended = new Map(without(state.ended, name));
    ended.set(name.key, { name, status: event.status, restarts, startedAt, at: event.at });
    const [oldest] = ended.keys();
    if (ended.size > ENDED_MAX && oldest !== undefined) ended.delete(oldest);
    return ended;
  }
  return event.kind === "unikernel-admitted" && state.ended.has(name.key) ? without(state.ended, name) : state.ended;
}

type BlockChange = Extract<Event, { kind: "block-resized" | "block-held" | "block-released" }>;

function changed(block: BlockEntry, event: BlockChange): BlockEntry {
  if (event.kind === "block-resized") return { ...block, size: event.size };
  const holds = [...(block.holds ?? [])];
  if (event.kind === "block-held") holds.push(event.use);
  else if (holds.includes(event.use)) holds.splice(holds.indexOf(event.use), 1);
  return { ...block, holds };
}

/** The state after `event`. Events about unikernels that are not there change nothing. */
export function apply(state: State, event: Event): State {
  switch (event.kind) {
    case "policy-added":
      return { ...state, policies: put(state.policies, event.name, { name: event.name, policy: event.policy }) };
    case "policy-removed":
      return { ...state, policies: without(state.policies, event.name) };
    case "policy-settled":
      return { ...state, settled: put(state.settled, event.name, { name: event.name, at: event.at }) };
    case "block-added":
      return { ...state, blocks: put(state.blocks, event.name, { name: event.name, size: event.size }) };
    case "block-removed":
      return { ...state, blocks: without(state.blocks, event.name) };
    case "block-set":
    case "block-dumped":
      return state;
    case "block-resized":
    case "block-held":
    case "block-released": {
      const before = state.blocks.get(event.name.key);
      return before === undefined ? state : { ...state, blocks: put(state.blocks, event.name, changed(before, event)) };
    }
    default: {
      const after = applyToUnikernel(state.unikernels.get(event.name.key), event);
      const unikernels =
        after === undefined ? without(state.unikernels, event.name) : put(state.unikernels, event.name, after);
      return { ...state, unikernels, ended: remember(state, event) };
    }
  }
}
