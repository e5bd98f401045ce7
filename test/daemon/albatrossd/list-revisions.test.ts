/** The list of revisions that a client gets is bounded, however long arguments are. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fromText } from "../../../core/byte-string.ts";
import type { Revision } from "../../../core/engine/revisions.ts";
import { listRevisions, REVISION_LIST_MAX } from "../../../daemon/albatrossd/unikernel-info.ts";
import { plain } from "../../core/engine/sample.ts";

const revision = (number: number, length = 1): Revision => ({
  number,
  at: 0,
  command: "create",
  spec: { type: "solo5", image: undefined, arguments: plain({ arguments: [fromText("x".repeat(length))] }) },
});
const numbers = (list: string) => (JSON.parse(list) as { revision: number }[]).map((one) => one.revision);

describe("the list of revisions", () => {
  it("has as many as are asked for, the newest first", () => {
    const all = [revision(3), revision(2), revision(1)];
    for (const [count, expected] of [
      [100, [3, 2, 1]],
      [2n ** 62n - 1n, [3, 2, 1]],
      [2, [3, 2]],
      [0, []],
      [-(2n ** 62n), []],
    ] as const) {
      assert.deepEqual(numbers(listRevisions(all, count)), expected);
    }
    assert.equal(listRevisions([], 5), "[]");
  });

  it("has a length that is reached, and not exceeded by one", () => {
    const spare = REVISION_LIST_MAX - listRevisions([revision(2), revision(1)], 2).length;
    const exact = listRevisions([revision(2), revision(1, 1 + spare)], 2);
    assert.deepEqual([exact.length, numbers(exact)], [REVISION_LIST_MAX, [2, 1]]);
    assert.deepEqual(numbers(listRevisions([revision(2), revision(1, 2 + spare)], 2)), [2]);
    assert.deepEqual(numbers(listRevisions([revision(2, 2 * REVISION_LIST_MAX), revision(1)], 2)), [2]);
  });
});
