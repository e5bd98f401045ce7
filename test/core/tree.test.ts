/**
 * Order and selection in the tree of names.
 *
 * @module
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Name, parseName } from "../../core/name.ts";
import { compareReplyOrder, compareTreeOrder, select } from "../../core/tree.ts";
import { name as anyName } from "../support/arbitrary-messages.ts";

const map = (...names: string[]) =>
  new Map(names.map((text) => parseName(text)).map((name) => [name.key, { name }] as const));
const texts = (found: readonly { readonly name: Name }[]) => found.map(({ name }) => name.text);

describe("the tree of names", () => {
  const tree = map("b", "a:x", "a:b:y", "a:", "c:d:", "ab:z", "a");

  it("is walked upwards for start and state, downwards for replies, a node before its children", () => {
    const names = ["a:b:y", "c", ":", "a:x", "a:", "b:"].map((text) => parseName(text));
    const order = (compare: (a: Name, b: Name) => number) => [...names].sort(compare).map(({ text }) => text);
    assert.deepEqual(order(compareTreeOrder), [":", "a:", "a:b:y", "a:x", "b:", ":c"]);
    assert.deepEqual(order(compareReplyOrder), [":", ":c", "b:", "a:", "a:x", "a:b:y"]);
  });

  it("gives everything below a path with names relative to it", () => {
    assert.deepEqual(texts(select(map("a:x", "a:b:y", "ab:z", "b"), parseName("a:"))), [":x", "b:y"]);
    assert.deepEqual(texts(select(map("a:", "a:b:"), parseName("a:"))), [":", "b:"]);
    assert.deepEqual(texts(select(map("a:x", "b"), parseName(":"))), [":b", "a:x"]);
    assert.deepEqual(texts(select(tree, parseName("none:"))), []);
  });

  it("gives one thing by its name in full, and a path is no such thing", () => {
    assert.deepEqual(texts(select(tree, parseName("a:x"))), ["a:x"]);
    assert.deepEqual(texts(select(tree, parseName("a:none"))), []);
    assert.deepEqual(texts(select(map("c:d:"), parseName("c:d"))), [], "a path and a name share a slot only");
  });

  it("does not show the owner of a path its namesake outside of it", () => {
    const entries = new Map(["foo", "foo:a"].map(parseName).map((name) => [name.key, { name }] as const));
    assert.deepEqual(
      select(entries, parseName("foo:")).map(({ name }) => name.text),
      [":a"],
    );
  });

  it("is totally ordered", () => {
    fc.assert(
      fc.property(anyName, anyName, anyName, (a, b, c) => {
        for (const compare of [compareTreeOrder, compareReplyOrder]) {
          assert.equal(Math.sign(compare(a, b)), -Math.sign(compare(b, a)) || 0);
          if (compare(a, b) <= 0 && compare(b, c) <= 0) assert.ok(compare(a, c) <= 0);
          if (a.key === b.key) assert.equal(compare(a, b), 0);
          if (b.labels.length > a.labels.length && b.isWithin(a)) assert.ok(compare(a, b) < 0);
        }
      }),
    );
  });

  it("selects exactly what lies within a path", () => {
    fc.assert(
      fc.property(fc.array(anyName, { maxLength: 12 }), anyName, (names, query) => {
        const entries = new Map(names.map((name) => [name.key, { name }] as const));
        const found = select(entries, query);
        for (const { entry } of found) assert.ok(entry.name.isWithin(query));
        const within = [...entries.values()].filter(({ name }) =>
          query.isPath ? (name.isPath ? name : name.parentPath).isWithin(query) : name.text === query.text,
        );
        assert.equal(found.length, within.length);
        for (const { name, entry } of found) {
          if (query.isPath && entry.name.path.length >= query.path.length) {
            assert.deepEqual([...query.path, ...name.path], [...entry.name.path]);
          } else {
            assert.equal(name.text, entry.name.text);
          }
        }
      }),
    );
  });
});
