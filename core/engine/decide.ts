/**
 * Decides a command on the present state: a refusal, an immediate reply, or a plan that albatrossd carries out.
 *
 * Texts are the original's (daemon.md 7–14).
 *
 * @module
 */
import { type ByteString, fromText } from "../byte-string.ts";
import type { Int } from "../int.ts";
import { INT_MAX } from "../int.ts";
import type { Name } from "../name.ts";
import type { Policy } from "../policy.ts";
import { type Consumer, checkUnikernel, insertPolicy, withoutUnikernel } from "../resources.ts";
import { select } from "../tree.ts";
import type { UnikernelArguments } from "../unikernel.ts";
import type { Command, Success } from "../wire/message.ts";
import { checkedLevel, LEVEL_MAX } from "./compression-level.ts";
import { type BlockPlan, blockUser, decideBlock } from "./decide-block.ts";
import type { Event } from "./event.ts";
import type { State, Unikernel } from "./state.ts";

/** Commands that need more than the state: their plan is carried out step by step. */
export type Plan =
  /** Start a unikernel; `replaces` is what runs under the name and has to end first. */
  | { readonly kind: "start"; readonly replaces: Unikernel | undefined }
  /** End `unikernel` and start it again, with other arguments if given. */
  | { readonly kind: "restart"; readonly unikernel: Unikernel; readonly arguments: UnikernelArguments }
  /** End `unikernel` and forget it. */
  | { readonly kind: "stop"; readonly unikernel: Unikernel }
  /** Reply with the stored image, compressed at `level` (0–9, 0 is not at all). */
  | { readonly kind: "image"; readonly unikernel: Unikernel; readonly level: number }
  | BlockPlan;

export type Decision =
  | { readonly kind: "refuse"; readonly text: string }
  | { readonly kind: "reply"; readonly success: Success; readonly events: readonly Event[] }
  | { readonly kind: "plan"; readonly plan: Plan };

const refuse = (text: string): Decision => ({ kind: "refuse", text });
const plan = (what: Plan): Decision => ({ kind: "plan", plan: what });
const say = (text: string, ...events: Event[]): Decision => ({
  kind: "reply",
  success: { kind: "string", text: fromText(text) },
  events,
});

/** Whether `name` is that of one unikernel: with a label. */
function namesOne(name: Name): boolean {
  return !name.isPath;
}

const pathInsteadOfName = (what: string, name: Name): Decision =>
  refuse(`${what}: ${name.toDisplay()} is a path, not the name of a unikernel; add the name after the colon`);

/** Whether the name is taken in a way that only force-create may replace. */
function takenText(present: Unikernel): string {
  return present.phase.kind === "running" || present.phase.kind === "starting"
    ? "Unikernel with same name is already running"
    : "unikernel with same name already exists";
}

/** Decides a create of a unikernel with these arguments, or with `force` a replacement of what is there. */
export function decideCreate(state: State, name: Name, wanted: Consumer["arguments"], force: boolean): Decision {
  if (!namesOne(name)) return pathInsteadOfName("create", name);
  const present = state.unikernels.get(name.key);
  if (present !== undefined && !force) return refuse(takenText(present));
  const refusal = checkUnikernel(present === undefined ? state : withoutUnikernel(state, name), name, wanted);
  return refusal === undefined ? plan({ kind: "start", replaces: present }) : refuse(refusal);
}

function decideRestart(state: State, name: Name, replacement: UnikernelArguments | undefined): Decision {
  const present = state.unikernels.get(name.key);
  if (present === undefined || present.name.text !== name.text) return refuse("destroy: not found");
  const wanted = replacement ?? present.arguments;
  const refusal = checkUnikernel(withoutUnikernel(state, name), name, wanted);
  return refusal === undefined ? plan({ kind: "restart", unikernel: present, arguments: wanted }) : refuse(refusal);
}

function decideDestroy(state: State, name: Name): Decision {
  const present = state.unikernels.get(name.key);
  if (present === undefined || present.name.text !== name.text) return refuse("destroy: not found");
  return plan({ kind: "stop", unikernel: present });
}

function decideGet(state: State, name: Name, level: Int): Decision {
  const present = state.unikernels.get(name.key);
  if (present === undefined || present.name.text !== name.text || present.spec.image === undefined) {
    return refuse("get: no unikernel found");
  }
  const checked = checkedLevel(level);
  if (checked === undefined) return refuse(`get: compression level ${level} is not between 0 and ${LEVEL_MAX}`);
  return plan({ kind: "image", unikernel: present, level: checked });
}

function samePolicy(a: Policy, b: Policy): boolean {
  const sameList = (left: readonly (Int | ByteString)[], right: readonly (Int | ByteString)[]) =>
    left.length === right.length && left.every((item, at) => item === right[at]);
  return (
    a.unikernels === b.unikernels &&
    a.memory === b.memory &&
    a.block === b.block &&
    sameList(a.cpuIds, b.cpuIds) &&
    sameList(a.bridges, b.bridges)
  );
}

/**
 * Policies below one first label that delegations may make: whoever has one can delegate as often as it likes, and each
 * policy costs every later command a little.
 */
export const DELEGATED_POLICIES_MAX = 1_024;

function tooManyDelegated(state: State, { path: [tenant] }: Name): boolean {
  let count = 0;
  for (const { name } of state.policies.values()) if (name.path.length > 1 && name.path[0] === tenant) count++;
  return count >= DELEGATED_POLICIES_MAX;
}

/** Who asks for a change of a policy: a delegation certificate of that `notBefore`, or an administrator now. */
export interface PolicySource {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly delegated: boolean;
}

function decidePolicyAdd(state: State, name: Name, policy: Policy, source: PolicySource | undefined): Decision {
  const path = name.parentPath;
  const settled = state.settled.get(path.key);
  const present = state.policies.get(path.key);
  // The word of a newer delegation, or of an administrator after it, stands: certificates are used again and again. But
  // where an administrator has removed a policy, nothing but the delegation's own would bind who uses it.
  if (source?.delegated === true && present !== undefined && settled !== undefined && source.at < settled.at) {
    return say("no modification of policy");
  }
  const settles: Event[] =
    source === undefined || settled?.at === source.at ? [] : [{ kind: "policy-settled", name: path, at: source.at }];
  if (present !== undefined && samePolicy(present.policy, policy)) return say("no modification of policy", ...settles);
  if (source?.delegated === true && present === undefined && path.path.length > 1 && tooManyDelegated(state, path)) {
    return refuse(`there are ${DELEGATED_POLICIES_MAX} policies below ${path.path[0]}: already. Have some removed`);
  }
  const refusal = insertPolicy(state, path, policy);
  if (refusal !== undefined) return refuse(refusal);
  return say("added policy", { kind: "policy-added", name: path, policy }, ...settles);
}

function decidePolicyRemove(state: State, name: Name, source: PolicySource | undefined): Decision {
  const path = name.parentPath;
  if (!state.policies.has(path.key)) return refuse("unknown policy");
  const settles: Event[] = source === undefined ? [] : [{ kind: "policy-settled", name: path, at: source.at }];
  return say("removed policy", { kind: "policy-removed", name: path }, ...settles);
}

/**
 * Decides a command, except creates (see {@link decideCreate}) and info (answered from the observed state).
 *
 * @param source who asks, for changes of policies; without it nothing is remembered about that
 * @returns `undefined` for commands that albatrossd does not serve
 */
export function decide(state: State, name: Name, command: Command, source?: PolicySource): Decision | undefined {
  switch (command.kind) {
    case "unikernel-restart":
      return decideRestart(state, name, command.arguments);
    case "unikernel-destroy":
      return decideDestroy(state, name);
    case "unikernel-get":
      return decideGet(state, name, command.level);
    case "policy-info": {
      const policies = select(state.policies, name.parentPath).map((found) => ({
        name: found.name,
        policy: found.entry.policy,
      }));
      return { kind: "reply", success: { kind: "policies", policies }, events: [] };
    }
    case "policy-add":
      return decidePolicyAdd(state, name, command.policy, source);
    case "policy-remove":
      return decidePolicyRemove(state, name, source);
    case "block-info": {
      const devices = select(state.blocks, name).map(({ name: shown, entry }) => ({
        name: shown,
        size: entry.size,
        active: blockUser(state, entry.name) !== undefined,
      }));
      return { kind: "reply", success: { kind: "block-devices", devices }, events: [] };
    }
    case "block-add":
    case "block-add-old":
    case "block-remove":
    case "block-set":
    case "block-set-old":
    case "block-dump":
    case "block-dump-old":
    case "block-copy":
    case "block-resize": {
      const decided = decideBlock(state, name, command);
      return typeof decided === "string" ? refuse(decided) : plan(decided);
    }
    default:
      return undefined;
  }
}

/** How many unikernels may have a console on the path of `name`: what albatrossd tells the console daemon. */
export function consoleLimit(state: State, name: Name): Int {
  const path = name.parentPath;
  if (path.key === "") return INT_MAX;
  return state.policies.get(path.key)?.policy.unikernels ?? 0;
}
