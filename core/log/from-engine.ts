/**
 * What the event log is told of an event of the engine.
 *
 * @module
 */
import { fromText } from "../byte-string.ts";
import type { Event } from "../engine/event.ts";
import type { Run, State, UnikernelSpec } from "../engine/state.ts";
import type { Name } from "../name.ts";
import { blockNameOf } from "../resources.ts";
import type { LogEvent, LoggedProcess } from "./event.ts";

function digestOf(spec: UnikernelSpec): Uint8Array {
  const digits = spec.image?.sha256 ?? "";
  return Uint8Array.from({ length: digits.length / 2 }, (_, at) =>
    Number.parseInt(digits.slice(2 * at, 2 * at + 2), 16),
  );
}

function processOf(name: Name, spec: UnikernelSpec, run: Run): LoggedProcess {
  const { networks, blockDevices } = spec.arguments;
  return {
    name,
    digest: digestOf(spec),
    pid: run.pid,
    taps: run.taps.map(({ tap }, at) => ({ device: networks[at]?.name ?? fromText(""), tap: fromText(tap) })),
    blocks: blockDevices.flatMap((device) => {
      const block = blockNameOf(name, device);
      return block === undefined ? [] : [{ device: device.name, block }];
    }),
  };
}

/** What there is to be logged of `event`, which turned the state `before` into `after`; `undefined` if it is nothing. */
export function logEventOf(event: Event, before: State, after: State): LogEvent | undefined {
  const { name } = event;
  switch (event.kind) {
    case "policy-added":
      return { kind: event.kind, name, policy: event.policy };
    case "policy-removed":
    case "unikernel-removed":
      return { kind: event.kind, name };
    case "block-added":
      return { kind: "block", name, action: fromText("added"), size: event.size };
    case "block-removed":
      return { kind: "block", name, action: fromText("removed"), size: before.blocks.get(name.key)?.size };
    case "block-set":
    case "block-dumped": {
      const action = fromText(event.kind === "block-set" ? "set" : "dumped");
      return { kind: "block", name, action, size: after.blocks.get(name.key)?.size };
    }
    case "block-resized":
      return { kind: "block", name, action: fromText("resized"), size: event.size };
    case "unikernel-admitted":
      return { kind: event.kind, name, digest: digestOf(event.spec), memory: event.spec.arguments.memory };
    case "unikernel-started":
    case "unikernel-adopted": {
      const unikernel = after.unikernels.get(name.key);
      return unikernel && { kind: event.kind, ...processOf(name, unikernel.spec, event.run) };
    }
    case "unikernel-exited": {
      const unikernel = before.unikernels.get(name.key);
      if (unikernel?.phase.kind !== "running" || unikernel.phase.run.instance !== event.instance) return undefined;
      const { pid, startedAt } = unikernel.phase.run;
      const duration = Math.max(0, Math.round(event.at - startedAt));
      return { kind: "unikernel-stopped", name, pid, end: event.end, duration, digest: digestOf(unikernel.spec) };
    }
    case "unikernel-waiting":
    case "unikernel-failed": {
      const { until, failures } = event;
      return { kind: event.kind, name, until, reason: fromText(event.reason), failures };
    }
    case "unikernel-ended":
      return { kind: event.kind, name, status: fromText(event.status) };
    default:
      return undefined; // bookkeeping that nobody outside has to know of
  }
}
