/**
 * What the event log is told of the engine's events.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fromText } from "../../../core/byte-string.ts";
import { apply } from "../../../core/engine/apply.ts";
import type { Event } from "../../../core/engine/event.ts";
import { EMPTY_STATE, type State } from "../../../core/engine/state.ts";
import type { LogEvent } from "../../../core/log/event.ts";
import { logEventOf } from "../../../core/log/from-engine.ts";
import { parseName } from "../../../core/name.ts";
import type { MacAddress } from "../../../core/unikernel.ts";

const name = parseName("foo:a");
const sha256 = "ab".repeat(32);
const digest = new Uint8Array(32).fill(0xab);
const spec = {
  type: "solo5",
  image: { sha256, size: 5 },
  arguments: {
    failBehaviour: { kind: "quit" },
    startup: undefined,
    addName: true,
    cpuIds: [0],
    memory: 32,
    blockDevices: [{ name: fromText("data"), device: fromText("disk"), sectorSize: undefined }],
    networks: [{ name: fromText("service"), bridge: undefined, mac: undefined }],
    arguments: undefined,
    cpus: 1,
    linuxBootPartition: undefined,
  },
} as const;
const run = {
  instance: "one",
  pid: 7,
  processStart: 1,
  bootId: "b",
  startedAt: 1000,
  taps: [{ tap: "tap3", mac: "00:80:41:00:00:01" as MacAddress }],
  launcher: "solo5-hvt",
};

/** The events of the log that a sequence of the engine's makes. */
function logOf(...events: readonly Event[]): readonly (LogEvent | undefined)[] {
  let state: State = EMPTY_STATE;
  return events.map((event) => {
    const before = state;
    state = apply(before, event);
    return logEventOf(event, before, state);
  });
}

describe("the engine's events in the log", () => {
  it("tell of a life from its admission to its end, with digest, pid, taps, blocks, status and duration", () => {
    const started = {
      name,
      digest,
      pid: 7,
      taps: [{ device: "service", tap: "tap3" }],
      blocks: [{ device: "data", block: parseName("foo:disk") }],
    };
    const exited = { kind: "unikernel-exited", name, instance: "one", end: { kind: "exit", code: 3 } } as const;
    assert.deepEqual(
      logOf(
        { kind: "unikernel-admitted", name, spec },
        { kind: "unikernel-started", name, run },
        { ...exited, status: "exit 3", at: 3500 },
        { kind: "unikernel-waiting", name, until: 4000, reason: "exit 3", failures: 1 },
        { kind: "unikernel-failed", name, until: 5000, reason: "no bridge", failures: 2 },
        { kind: "unikernel-adopted", name, run },
        { ...exited, end: { kind: "unknown" }, status: "an unknown status", at: 500 },
        { kind: "unikernel-ended", name, status: "exit 0", at: 6000 },
      ),
      [
        { kind: "unikernel-admitted", name, digest, memory: 32 },
        { kind: "unikernel-started", ...started },
        { kind: "unikernel-stopped", name, pid: 7, end: { kind: "exit", code: 3 }, duration: 2500, digest },
        { kind: "unikernel-waiting", name, until: 4000, reason: "exit 3", failures: 1 },
        { kind: "unikernel-failed", name, until: 5000, reason: "no bridge", failures: 2 },
        { kind: "unikernel-adopted", ...started },
        // The clock was set back meanwhile: no duration is negative.
        { kind: "unikernel-stopped", name, pid: 7, end: { kind: "unknown" }, duration: 0, digest },
        { kind: "unikernel-ended", name, status: "exit 0" },
      ],
    );
  });

  it("tell of policies and block devices", () => {
    const policy = { unikernels: 1, cpuIds: [0], memory: 1, block: undefined, bridges: [] };
    const disk = parseName("foo:disk");
    assert.deepEqual(
      logOf(
        { kind: "policy-added", name: parseName("foo:"), policy },
        { kind: "block-added", name: disk, size: 8 },
        { kind: "block-set", name: disk },
        { kind: "block-resized", name: disk, size: 9 },
        { kind: "block-dumped", name: disk },
        { kind: "block-removed", name: disk },
        { kind: "policy-removed", name: parseName("foo:") },
        { kind: "unikernel-removed", name },
      ),
      [
        { kind: "policy-added", name: parseName("foo:"), policy },
        { kind: "block", name: disk, action: "added", size: 8 },
        { kind: "block", name: disk, action: "set", size: 8 },
        { kind: "block", name: disk, action: "resized", size: 9 },
        { kind: "block", name: disk, action: "dumped", size: 9 },
        { kind: "block", name: disk, action: "removed", size: 9 },
        { kind: "policy-removed", name: parseName("foo:") },
        { kind: "unikernel-removed", name },
      ],
    );
  });

  it("leave out bookkeeping, and ends of processes that nobody knows", () => {
    const end = { kind: "exit", code: 0 } as const;
    assert.deepEqual(
      logOf(
        { kind: "unikernel-restored", name, spec, restarts: 0 },
        { kind: "name-option-dropped", name },
        { kind: "unikernel-respecified", name, spec },
        { kind: "policy-settled", name, at: 1 },
        { kind: "unikernel-exited", name, instance: "other", end, status: "exit 0", at: 1 },
      ),
      [undefined, undefined, undefined, undefined, undefined],
    );
  });
});
