/** Taking back what was done. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Undo } from "../../../daemon/albatrossd/undo.ts";

describe("an undo stack", () => {
  it("takes steps back newest first, waiting for each", async () => {
    const undo = new Undo();
    const events: number[] = [];
    undo.push(() => void events.push(1));
    undo.push(async () => {
      await new Promise((resolve) => setTimeout(resolve, 10));
      events.push(2);
    });
    undo.push(() => void events.push(3));
    assert.deepEqual(await undo.rollBack(), []);
    assert.deepEqual(events, [3, 2, 1]);
  });

  it("goes on after a step that fails, and tells all failures", async () => {
    const undo = new Undo();
    let reached = false;
    undo.push(() => {
      reached = true;
    });
    undo.push(() => {
      throw new Error("first pushed");
    });
    undo.push(async () => {
      throw new Error("last pushed");
    });
    const failures = await undo.rollBack();
    assert.deepEqual(failures.map(String), ["Error: last pushed", "Error: first pushed"]);
    assert.ok(reached);
  });

  it("takes nothing back twice", async () => {
    const undo = new Undo();
    let count = 0;
    undo.push(() => void count++);
    await undo.rollBack();
    await undo.rollBack();
    assert.equal(count, 1);
  });
});
