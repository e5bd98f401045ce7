/** What may be done with block devices, and what stands in the way. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fromText } from "../../../core/byte-string.ts";
import { apply } from "../../../core/engine/apply.ts";
import { decideBlock } from "../../../core/engine/decide-block.ts";
import type { Event } from "../../../core/engine/event.ts";
import type { State } from "../../../core/engine/state.ts";
import { parseName } from "../../../core/name.ts";
import { type BlockHold, checkUnikernel } from "../../../core/resources.ts";
import type { BlockCommand } from "../../../core/wire/message.ts";
import { zvolOf } from "../../../core/zvol.ts";
import { after, disk, plain, policy, run, spec } from "./sample.ts";

const name = parseName("foo:one");
const block: Event = { kind: "block-added", name, size: 3 };
const user: readonly Event[] = [
  { kind: "unikernel-admitted", name: parseName("foo:a"), spec: spec({ blockDevices: [disk("one")] }) },
  { kind: "unikernel-started", name: parseName("foo:a"), run: run() },
];
const hold = (use: BlockHold): Event => ({ kind: "block-held", name, use });
const release = (use: BlockHold): Event => ({ kind: "block-released", name, use });

type Changing = Exclude<BlockCommand, { kind: "block-info" }>;

/** The kind of the plan, or the refusal. */
function on(state: State, command: Changing, of = "foo:one"): string {
  const decided = decideBlock(state, parseName(of), command);
  return typeof decided === "string" ? decided : `plan: ${decided.kind}`;
}

const commands = {
  set: { kind: "block-set", compressed: false },
  dump: { kind: "block-dump", level: 0 },
  remove: { kind: "block-remove" },
  clone: { kind: "block-copy", target: fromText("two"), snapshot: false },
  snapshot: { kind: "block-copy", target: fromText("two"), snapshot: true },
  resize: { kind: "block-resize", size: 4, shrink: false },
} as const satisfies Record<string, Changing>;

type Word = keyof typeof commands;

function allowed(state: State): Word[] {
  return (Object.keys(commands) as Word[]).filter((word) => on(state, commands[word]).startsWith("plan: "));
}

describe("a block device", () => {
  it("can be used in every way if it is free, and in none if it is not there", () => {
    assert.deepEqual(allowed(after(block)), Object.keys(commands));
    assert.deepEqual(allowed(after()), []);
    for (const [word, command] of Object.entries(commands)) {
      assert.equal(on(after(), command), `${word} block: not found`);
      assert.match(on(after(block), command, "foo:one:"), /: not found$/);
    }
  });

  it("that is read bears only others that read, and one that is written nothing", () => {
    assert.deepEqual(allowed(after(block, hold("read"))), ["dump", "clone", "snapshot"]);
    assert.deepEqual(allowed(after(block, hold("write"))), []);
  });

  it("is free again when all that hold it have released it", () => {
    const twice = after(block, hold("read"), hold("read"), release("read"));
    assert.equal(on(twice, commands.set), "set block: is in use");
    assert.equal(on(apply(twice, release("read")), commands.set), "plan: set-block");
    const other = after(block, hold("read"), release("write"));
    assert.equal(on(other, commands.set), "set block: is in use", "the release of another hold does not free it");
    assert.deepEqual(apply(after(), hold("read")).blocks.size, 0);
  });

  it("that a unikernel has can only be snapshot, and the plan says that it is live", () => {
    const state = after(block, ...user);
    assert.deepEqual(allowed(state), ["snapshot"]);
    const plan = decideBlock(state, name, commands.snapshot);
    assert.ok(typeof plan !== "string" && plan.kind === "copy-block" && plan.live);
    const free = decideBlock(after(block), name, commands.snapshot);
    assert.ok(typeof free !== "string" && free.kind === "copy-block" && !free.live);
    assert.equal(free.target.text, "foo:two");
  });

  it("is given to no unikernel while it is read or written", () => {
    for (const use of ["read", "write"] as const) {
      const refusal = checkUnikernel(
        after(block, hold(use)),
        parseName("foo:b"),
        plain({ blockDevices: [disk("one")] }),
      );
      assert.equal(refusal, "block device [unikernel: foo:one] already in use");
    }
  });

  it("keeps what holds it when its size changes", () => {
    const state = after(block, hold("write"), { kind: "block-resized", name, size: 9 });
    assert.equal(state.blocks.get("foo:one")?.size, 9);
    assert.equal(on(state, commands.set), "set block: is in use");
    assert.equal(on(apply(state, { kind: "block-set", name }), commands.set), "set block: is in use");
  });
});

describe("copies and sizes of block devices", () => {
  const limits = (root: number, foo: number): State =>
    after(
      { kind: "policy-added", name: parseName(":"), policy: policy({ block: root }) },
      { kind: "policy-added", name: parseName("foo:"), policy: policy({ block: foo }) },
      block,
      { kind: "block-added", name: parseName("bar:other"), size: 5 },
    );

  it("need room in every policy above, not only in the nearest, at the limit and one past it", () => {
    assert.equal(on(limits(11, 6), commands.clone), "plan: copy-block");
    assert.equal(
      on(limits(11, 5), commands.clone),
      "block device policy limit of 5 MB (used 3 MB) would be exceeded by the request (3 MB)",
    );
    assert.equal(
      on(limits(10, 6), commands.clone),
      "block device policy limit of 10 MB (used 8 MB) would be exceeded by the request (3 MB)",
    );
    assert.equal(on(limits(9, 4), commands.resize), "plan: resize-block");
    assert.match(on(limits(8, 4), commands.resize), /^block device policy limit of 8 MB \(used 5 MB\)/);
    assert.match(on(limits(9, 3), commands.resize), /^block device policy limit of 3 MB \(used 0 MB\)/);
  });

  it("shrink only if that is wanted, whatever the policies say meanwhile", () => {
    const to = (size: number | bigint, shrink: boolean): Changing => ({ kind: "block-resize", size, shrink });
    assert.equal(on(limits(11, 6), to(3, false)), "plan: resize-block");
    assert.match(on(limits(11, 6), to(2, false)), /^resize block: from 3 MB to 2 MB loses/);
    assert.equal(on(limits(1, 1), to(2, true)), "plan: resize-block");
    for (const size of [0, -1]) assert.equal(on(after(block), to(size, true)), "overflow while computing bytes");
    for (const size of [2 ** 40, 2n ** 60n])
      assert.equal(on(after(block), to(size, false)), "overflow while computing bytes");
  });

  it("are refused where a device, or anything in its place, exists", () => {
    const taken = after(block, { kind: "block-added", name: parseName("foo:two"), size: 1 });
    assert.equal(on(taken, commands.clone), "block device with same name already exists");
  });
});

describe("ZFS volumes", () => {
  const allowedPath = parseName("foo:");
  const of = (path: string, unikernel = "foo:a", allowed = allowedPath) =>
    zvolOf(allowed, parseName(unikernel), disk(path));

  it("are accepted on exactly the path that was named", () => {
    assert.equal(of("/dev/zvol/tank/vol-1.x:y_z"), "/dev/zvol/tank/vol-1.x:y_z");
    for (const other of ["a", "bar:a", "foo:bar:a"]) assert.equal(of("/dev/zvol/tank/vol", other), undefined);
    assert.equal(zvolOf(undefined, parseName("foo:a"), disk("/dev/zvol/tank/vol")), undefined);
  });

  it("have paths really below /dev/zvol, without anything that means something elsewhere", () => {
    const bad = [
      "/dev/zvol",
      "/dev/zvol/",
      "/dev/zvolx/a",
      "/dev/zvol/../sda",
      "/dev/zvol/a/..",
      "/dev/zvol/.",
      "/dev/zvol/a//b",
      "/dev/zvol/a/",
      "/dev/zvol/a,ro",
      "/dev/zvol/a b",
      "/dev/zvol/a\n",
      "x/dev/zvol/a",
      "/dev/zvol/a\0b",
      "/dev/zvol/a=b",
    ];
    for (const path of bad) assert.equal(of(path), undefined, path);
    assert.equal(of("/dev/zvol/..a/b..c/..."), "/dev/zvol/..a/b..c/...");
  });

  it("are used by one at a time", () => {
    const state = { ...after(), zvolPath: allowedPath };
    const wanted = plain({ blockDevices: [disk("/dev/zvol/tank/vol")] });
    assert.equal(checkUnikernel(state, parseName("foo:a"), wanted), undefined);
    const admitted = apply(state, {
      kind: "unikernel-admitted",
      name: parseName("foo:a"),
      spec: spec({ blockDevices: wanted.blockDevices }),
    });
    assert.equal(
      checkUnikernel(admitted, parseName("foo:b"), wanted),
      "block device /dev/zvol/tank/vol already in use",
    );
    const both = plain({ blockDevices: [disk("/dev/zvol/tank/v", "a"), disk("/dev/zvol/tank/v", "b")] });
    assert.match(checkUnikernel(state, parseName("foo:a"), both) ?? "", /already in use$/);
  });
});
