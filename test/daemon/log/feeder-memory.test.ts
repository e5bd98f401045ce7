/**
 * Which events of feeders the log has had already.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FEEDERS_MAX, FeederMemory } from "../../../daemon/log/feeder-memory.ts";

describe("the memory of feeders", () => {
  it("forgets who has been silent for longest, beyond its limit", () => {
    const memory = new FeederMemory();
    const sequence = (feeder: number) => (BigInt(feeder) << 32n) | 5n;
    for (let feeder = 1; feeder <= FEEDERS_MAX; feeder++) memory.saw(sequence(feeder));
    assert.ok(memory.knows(sequence(1)));
    memory.saw(sequence(1));
    memory.saw(sequence(FEEDERS_MAX + 1));
    assert.ok(memory.knows(sequence(1)));
    assert.ok(!memory.knows(sequence(2)));
    assert.ok(memory.knows(sequence(3)));
    assert.ok(!memory.knows(sequence(3) + 1n));
  });
});
