/** Which revisions are kept, and which one a rollback means. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  chooseRevision,
  oldestKept,
  REVISION_IMAGES_MAX,
  REVISIONS_MAX,
  type Revision,
} from "../../../core/engine/revisions.ts";
import { plain } from "./sample.ts";

function revision(number: number, sha256: string | undefined = `${number}`, size = 1): Revision {
  const image = sha256 === undefined ? undefined : { sha256, size };
  return { number, at: number, command: "create", spec: { type: "solo5", image, arguments: plain() } };
}

/** Revisions `from` down to `to`. */
const down = (from: number, to: number, size = 1) =>
  Array.from({ length: from - to + 1 }, (_, at) => revision(from - at, `${from - at}`, size));

describe("the revisions that are kept", () => {
  it(`are ${REVISIONS_MAX}, the newest`, () => {
    assert.equal(oldestKept(down(REVISIONS_MAX, 1)), 1);
    assert.equal(oldestKept(down(REVISIONS_MAX + 1, 1)), 2);
    assert.equal(oldestKept([]), 0);
  });

  it(`have former images of ${REVISION_IMAGES_MAX} bytes together, and not one more`, () => {
    const half = REVISION_IMAGES_MAX / 2;
    assert.equal(oldestKept([revision(3), revision(2, "b", half), revision(1, "a", half)]), 1);
    assert.equal(oldestKept([revision(3), revision(2, "b", half), revision(1, "a", half + 1)]), 2);
  });

  it("always include the present one, whose image does not count, and count an image once", () => {
    assert.equal(oldestKept([revision(7, "big", 2 * REVISION_IMAGES_MAX)]), 7);
    const same = [5, 4, 3, 2].map((number) => revision(number, "same", REVISION_IMAGES_MAX));
    assert.equal(oldestKept(same), 2);
    const former = [revision(6), ...same];
    assert.equal(oldestKept(former), 2);
    assert.equal(oldestKept([...former, revision(1, "other", 1)]), 2);
  });

  it("end where one does not fit, also if older ones would", () => {
    assert.equal(oldestKept([revision(3), revision(2, "b", REVISION_IMAGES_MAX + 1), revision(1, "a", 1)]), 3);
  });

  it("of what has no image count nothing", () => {
    const none = [3, 2, 1].map((number) => ({ number, spec: { image: undefined } }));
    assert.equal(oldestKept(none), 1);
  });
});

describe("a rollback", () => {
  const kept = down(5, 3);
  it("means the one before the newest, unless it says which", () => {
    assert.equal(chooseRevision(kept, 0), kept[1]);
    assert.equal(chooseRevision(kept, 3), kept[2]);
    assert.equal(chooseRevision(kept, 5), kept[0]);
  });

  it("is refused with what there is", () => {
    assert.equal(chooseRevision([], 0), "rollback: no unikernel found");
    assert.equal(chooseRevision([], 3), "rollback: no unikernel found");
    assert.equal(chooseRevision(down(1, 1), 0), "rollback: there is no revision before the present one");
    for (const wanted of [2, 6, -1, 2n ** 60n]) {
      assert.equal(chooseRevision(kept, wanted), `rollback: revision ${wanted} is not kept; there are 5, 4, 3`);
    }
  });
});
