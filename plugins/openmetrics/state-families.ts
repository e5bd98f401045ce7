/**
 * What albatrossd knows, as metrics: how unikernels are doing, and policies with what is used of them.
 *
 * @module
 */
import { describePhase, type State } from "../../core/engine/state.ts";
import type { Int } from "../../core/int.ts";
import type { Name } from "../../core/name.ts";
import { blockUsedBelow, usedBelow } from "../../core/resources.ts";
import type { Labels, MetricFamily } from "./family.ts";
import { unikernelLabels } from "./unikernel-families.ts";

const MEBIBYTE = 1_048_576;

/** The states that are told apart; each unikernel is in exactly one. */
const states = ["running", "starting", "waiting", "crash-loop", "failed"] as const;

const bytes = (mebibytes: Int) => Number(mebibytes) * MEBIBYTE;
const pathLabels = (name: Name): Labels => ({ path: name.path.join(":") });

/** The metrics of a state. */
export function stateFamilies(state: State): readonly MetricFamily[] {
  const unikernels = [...state.unikernels.values()].map((unikernel) => ({
    unikernel,
    labels: unikernelLabels(unikernel.name),
  }));
  const policies = [...state.policies.values()].map(({ name, policy }) => ({
    policy,
    labels: pathLabels(name),
    used: usedBelow(state, name),
    block: blockUsedBelow(state, name),
  }));
  return [
    {
      name: "albatross_unikernel_state",
      type: "gauge",
      help: "1 for the state that a unikernel is in, 0 for the others.",
      samples: unikernels.flatMap(({ unikernel, labels }) => {
        const present = describePhase(unikernel);
        return states.map((name) => ({ labels, more: { state: name }, value: Number(name === present) }));
      }),
    },
    {
      name: "albatross_unikernel_restarts",
      type: "counter",
      help: "Times that a unikernel was started again since it was created.",
      samples: unikernels.map(({ unikernel, labels }) => ({ labels, value: unikernel.restarts })),
    },
    {
      name: "albatross_unikernel_start_time_seconds",
      type: "gauge",
      unit: "seconds",
      help: "When a unikernel was last started, seconds since 1970.",
      samples: unikernels.map(({ unikernel, labels }) => ({ labels, value: unikernel.startedAt / 1000 })),
    },
    {
      name: "albatross_unikernel_assigned_memory_bytes",
      type: "gauge",
      unit: "bytes",
      help: "Memory that a unikernel was given.",
      samples: unikernels.map(({ unikernel, labels }) => ({ labels, value: bytes(unikernel.arguments.memory) })),
    },
    {
      name: "albatross_policy_unikernels",
      type: "gauge",
      help: "Unikernels that a policy allows at its path and below.",
      samples: policies.map(({ policy, labels }) => ({ labels, value: Number(policy.unikernels) })),
    },
    {
      name: "albatross_policy_used_unikernels",
      type: "gauge",
      help: "Unikernels at the path of a policy and below.",
      samples: policies.map(({ used, labels }) => ({ labels, value: used.count })),
    },
    {
      name: "albatross_policy_memory_bytes",
      type: "gauge",
      unit: "bytes",
      help: "Memory that a policy allows at its path and below.",
      samples: policies.map(({ policy, labels }) => ({ labels, value: bytes(policy.memory) })),
    },
    {
      name: "albatross_policy_used_memory_bytes",
      type: "gauge",
      unit: "bytes",
      help: "Memory given to unikernels at the path of a policy and below.",
      samples: policies.map(({ used, labels }) => ({ labels, value: bytes(used.memory) })),
    },
    {
      name: "albatross_policy_block_bytes",
      type: "gauge",
      unit: "bytes",
      help: "Block storage that a policy allows at its path and below.",
      samples: policies.map(({ policy, labels }) => ({ labels, value: bytes(policy.block ?? 0) })),
    },
    {
      name: "albatross_policy_used_block_bytes",
      type: "gauge",
      unit: "bytes",
      help: "Sizes of the block devices at the path of a policy and below.",
      samples: policies.map(({ block, labels }) => ({ labels, value: bytes(block) })),
    },
  ];
}
