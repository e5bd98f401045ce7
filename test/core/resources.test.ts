/**
 * Admission, with the original's texts and over all ancestors.
 *
 * @module
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fromText } from "../../core/byte-string.ts";
import { INT_MAX } from "../../core/int.ts";
import { parseName } from "../../core/name.ts";
import { blockNameOf, checkBlock, checkUnikernel, insertPolicy, withoutUnikernel } from "../../core/resources.ts";
import { after, disk, limit, on, plain, policy, running } from "./engine/sample.ts";

const check = (state: ReturnType<typeof after>, name: string, changes: Parameters<typeof plain>[0] = {}) =>
  checkUnikernel(state, parseName(name), plain(changes));

describe("a unikernel is admitted", () => {
  it("where there are no policies", () => {
    assert.equal(check(after(), "x", { cpuIds: [5000], memory: INT_MAX, networks: [on("any")] }), undefined);
  });

  it("up to every limit of its own path, and not one past it", () => {
    const state = after(
      limit("foo:", { unikernels: 2, memory: 30, cpuIds: [0, 2] }),
      ...running("foo:a", { memory: 10 }),
    );
    assert.equal(check(state, "foo:b", { memory: 20, cpuIds: [0, 2], networks: [on("br")] }), undefined);
    assert.equal(
      check(state, "foo:b", { memory: 21 }),
      "maximum allowed memory (30, used 10) would be exceeded (requesting 21)",
    );
    assert.equal(check(state, "foo:b", { cpuIds: [0, 1, 2, 3] }), "CPUids 1, 3 are not allowed by policy");
    const networks = [on("zz"), on("br", "x"), on(undefined, "aa"), on("zz", "y")];
    assert.equal(check(state, "foo:b", { networks }), "bridges aa, zz not allowed by policy");
    const full = after(limit("foo:", { unikernels: 2 }), ...running("foo:a"), ...running("foo:b"));
    assert.equal(check(full, "foo:c"), "maximum amount of unikernels (2) reached");
    assert.equal(check(full, "bar:c"), undefined);
  });

  it("only if every ancestor allows it, nearest first, and the root", () => {
    const state = after(
      limit(":", { memory: 100, cpuIds: [0, 1, 2] }),
      limit("a:", { unikernels: 3, memory: 60 }),
      limit("a:b:c:", { unikernels: 1, memory: 50 }),
      ...running("a:b:c:x", { memory: 10 }),
      ...running("a:y", { memory: 25 }),
      ...running("z", { memory: 20 }),
    );
    assert.equal(check(state, "a:b:c:d", { memory: 20 }), "maximum amount of unikernels (1) reached");
    assert.equal(
      check(state, "a:b:new", { memory: 26 }),
      "maximum allowed memory (60, used 35) would be exceeded (requesting 26)",
    );
    assert.equal(
      check(state, "other:new", { memory: 46 }),
      "maximum allowed memory (100, used 55) would be exceeded (requesting 46)",
    );
    assert.equal(check(state, "other:new", { memory: 45 }), undefined);
    assert.equal(check(state, "a:b:new", { cpuIds: [2] }), "CPUids 2 are not allowed by policy");
    assert.equal(check(state, "deep:er:new", { cpuIds: [3] }), "CPUids 3 are not allowed by policy");
    assert.equal(check(state, "ab:new", { memory: 45 }), undefined, "a path is more than a prefix of letters");
  });

  it("by the limits of the paths above it, which one named like a path is not below", () => {
    const state = after(limit("foo:", { unikernels: 1, memory: 10, block: 1 }), ...running("foo", { memory: 500 }));
    assert.equal(check(state, "foo:a", { memory: 10 }), undefined);
    assert.equal(check(state, "foo", { memory: 500 }), "unikernel with same name already exists");
    const disks = after(limit("foo:", { block: 1 }), { kind: "block-added", name: parseName("foo"), size: 50 });
    assert.equal(checkBlock(disks, parseName("foo:disk"), 1), undefined);
    assert.equal(insertPolicy(state, parseName("foo:"), policy({ unikernels: 0, memory: 0 })), undefined);
  });

  it("without the one that it replaces", () => {
    const state = after(limit("foo:", { unikernels: 1, memory: 20 }), ...running("foo:a", { memory: 15 }));
    assert.equal(check(state, "foo:a"), "maximum amount of unikernels (1) reached");
    const without = withoutUnikernel(state, parseName("foo:a"));
    assert.equal(checkUnikernel(without, parseName("foo:a"), plain({ memory: 20 })), undefined);
    assert.equal(state.unikernels.size, 1, "the state is as it was");
  });

  it("only with some memory: less than none would make room for others", () => {
    for (const memory of [0, -1, -(2n ** 62n)]) {
      const text = `Cannot run a unikernel with ${memory} MB of memory. Give it at least 1 MB`;
      assert.equal(check(after(), "x", { memory }), text);
    }
  });

  it("only with block devices that are there and free", () => {
    const block = (name: string) => ({ kind: "block-added", name: parseName(name), size: 1 }) as const;
    const state = after(block("foo:one"), block("foo:two"), ...running("foo:a", { blockDevices: [disk("one")] }));
    assert.equal(check(state, "foo:b", { blockDevices: [disk("two")] }), undefined);
    assert.equal(check(state, "foo:b", { blockDevices: [disk(undefined, "two")] }), undefined);
    assert.equal(
      check(state, "foo:b", { blockDevices: [disk("one")] }),
      "block device [unikernel: foo:one] already in use",
    );
    assert.equal(check(state, "b", { blockDevices: [disk("two")] }), "block device [unikernel: :two] not found");
    assert.equal(check(state, "foo:b", { blockDevices: [disk("a/b")] }), "block device a/b not found");
    const twice = { blockDevices: [disk("two", "x"), disk("two", "y")] };
    assert.equal(check(state, "foo:b", twice), "block device [unikernel: foo:two] already in use");
  });

  it("once", () => {
    const state = after(...running("foo:a"));
    assert.equal(check(state, "foo:a"), "unikernel with same name already exists");
  });

  it("with numbers beyond those of floating point, exactly", () => {
    const state = after(limit("foo:", { memory: INT_MAX }), ...running("foo:a", { memory: INT_MAX - 5n }));
    assert.equal(check(state, "foo:b", { memory: 5 }), undefined);
    assert.equal(
      check(state, "foo:b", { memory: 6 }),
      "maximum allowed memory (4611686018427387903, used 4611686018427387898) would be exceeded (requesting 6)",
    );
  });
});

describe("a block device is admitted", () => {
  const add = (state: ReturnType<typeof after>, name: string, size: number) => checkBlock(state, parseName(name), size);
  const block = (name: string, size: number) => ({ kind: "block-added", name: parseName(name), size }) as const;

  it("up to the limits of all paths above it", () => {
    const state = after(
      limit("a:", { block: 20 }),
      limit("a:b:", { block: 15 }),
      block("a:one", 4),
      block("a:b:two", 6),
    );
    assert.equal(add(state, "a:b:new", 9), undefined);
    assert.equal(
      add(state, "a:b:new", 10),
      "block device policy limit of 15 MB (used 6 MB) would be exceeded by the request (10 MB)",
    );
    assert.equal(add(state, "a:new", 10), undefined);
    assert.equal(
      add(state, "a:new", 11),
      "block device policy limit of 20 MB (used 10 MB) would be exceeded by the request (11 MB)",
    );
    assert.equal(add(state, "other", 1_000_000), undefined);
  });

  it("nowhere below a policy without block storage", () => {
    const state = after(limit("a:", { block: undefined }));
    assert.equal(add(state, "a:x", 1), "no block devices are allowed by policy");
    assert.equal(add(state, "a:b:c:x", 1), "no block devices are allowed by policy");
    assert.equal(add(state, "x", 1), undefined);
  });

  it("once", () => {
    const text = "block device with name [unikernel: a:x] already exists";
    assert.equal(add(after(block("a:x", 1)), "a:x", 1), text);
  });

  it("under a name that a host can have", () => {
    const name = parseName("a:u");
    assert.equal(blockNameOf(name, { name: fromText("Data"), device: undefined })?.text, "a:data");
    assert.equal(blockNameOf(name, { name: fromText("x"), device: fromText("../x") }), undefined);
    assert.equal(blockNameOf(name, { name: fromText("x"), device: fromText("") }), undefined);
  });
});

describe("a policy is set", () => {
  const insert = (state: ReturnType<typeof after>, path: string, changes: Parameters<typeof policy>[0] = {}) =>
    insertPolicy(state, parseName(path), policy(changes));

  it("if all ancestors but the root allow as much", () => {
    const state = after(
      limit(":", { unikernels: 1, memory: 1 }),
      limit("a:", { unikernels: 5 }),
      limit("a:b:", { unikernels: 4 }),
    );
    assert.equal(insert(state, "a:b:c:", { unikernels: 4 }), undefined);
    const text = (count: number) => `policy above allows ${count} unikernels, which is fewer than 6`;
    assert.equal(insert(state, "a:b:c:", { unikernels: 6 }), text(4), "the nearest one speaks");
    assert.equal(insert(state, "a:x:y:", { unikernels: 6 }), text(5));
    assert.equal(insert(state, "z:", { unikernels: 1_000 }), undefined, "what the host has binds when it is used");
    assert.equal(
      insert(state, "a:c:", { memory: 1001, unikernels: 1 }),
      "policy above allows 1000 MB memory, which is fewer than 1001 MB",
    );
    assert.equal(
      insert(state, "a:c:", { cpuIds: [1, 2, 3], unikernels: 1 }),
      "policy above does not allow CPUids 2, 3",
    );
    assert.equal(
      insert(state, "a:c:", { bridges: [fromText("aa"), fromText("br")], unikernels: 1 }),
      "policy above allows bridge(s) br, which is not a superset of aa, br",
    );
    assert.equal(
      insert(state, "a:c:", { block: 101, unikernels: 1 }),
      "policy above allows 100 MB block storage, which is fewer than 101 MB",
    );
  });

  it("if it allows as much as every policy below it", () => {
    const state = after(limit("a:b:", { unikernels: 3 }), limit("a:c:d:", { unikernels: 5, memory: 5 }));
    assert.equal(insert(state, "a:", { unikernels: 5 }), undefined);
    assert.equal(insert(state, "a:", { unikernels: 4 }), "policy above allows 4 unikernels, which is fewer than 5");
    assert.equal(insert(state, "a:b:", { unikernels: 1 }), undefined, "one may be replaced by a smaller one");
  });

  it("if what is used below it fits", () => {
    const state = after(
      ...running("a:x", { cpuIds: [0, 3], memory: 30, networks: [on("br")] }),
      ...running("a:b:y", { cpuIds: [1], memory: 20, networks: [on("extra")] }),
      { kind: "block-added", name: parseName("a:b:disk"), size: 7 },
    );
    const fitting = {
      unikernels: 2,
      cpuIds: [0, 1, 3],
      memory: 50,
      block: 7,
      bridges: [fromText("br"), fromText("extra")],
    };
    assert.equal(insert(state, "a:", fitting), undefined);
    assert.equal(insert(state, "a:", { ...fitting, cpuIds: [0] }), "policy does not allow CPUids 1, 3");
    assert.equal(
      insert(state, "a:", { ...fitting, bridges: [fromText("br")] }),
      "policy allows bridges br, which is not a superset of br, extra",
    );
    assert.equal(
      insert(state, "a:", { ...fitting, unikernels: 1 }),
      "unikernel would exceed running unikernel limit set by policy to 1, running 2",
    );
    assert.equal(
      insert(state, "a:", { ...fitting, memory: 49 }),
      "unikernel would exceed running memory limit set by policy to 49 MB, used 50 MB",
    );
    for (const [block, shown] of [
      [6, 6],
      [undefined, 0],
    ] as const) {
      assert.equal(
        insert(state, "a:", { ...fitting, block }),
        `unikernel would exceed running block storage limit set by policy to ${shown} MB, used 7 MB`,
      );
    }
    assert.equal(insert(state, "other:", { unikernels: 0, memory: 0, cpuIds: [] }), undefined);
  });
});
