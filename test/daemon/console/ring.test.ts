import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  ENTRY_MAX,
  type EntryVisitor,
  RING_BYTES_FREE,
  RING_BYTES_MAX,
  RING_ENTRIES,
  Ring,
  RingBudget,
} from "../../../daemon/console/ring.ts";

const bytes = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));

function push(ring: Ring, time: number, text: string): void {
  const source = bytes(`<${text}>`);
  ring.push(time, source, 1, source.length - 1);
}

function collect(visit: (visitor: EntryVisitor) => void): string[] {
  const found: string[] = [];
  visit((time, memory, start, end) => {
    found.push(`${time} ${Buffer.from(memory.subarray(start, end)).toString("latin1")}`);
  });
  return found;
}

const last = (ring: Ring, count: number | bigint) => collect((visitor) => ring.last(count, visitor));
const since = (ring: Ring, time: number) => collect((visitor) => ring.since(time, visitor));

describe("the history of a console", () => {
  it("keeps the last 1024 lines, the 1025th displaces the first", () => {
    const ring = new Ring(new RingBudget());
    for (let at = 0; at < RING_ENTRIES; at++) push(ring, at, `line ${at}`);
    assert.equal(last(ring, 2000)[0], "0 line 0");
    push(ring, RING_ENTRIES, "one more");
    assert.equal(ring.count, RING_ENTRIES);
    assert.equal(last(ring, RING_ENTRIES)[0], "1 line 1");
    assert.equal(last(ring, RING_ENTRIES).at(-1), `${RING_ENTRIES} one more`);
  });

  it("gives the last lines by count: none for zero and below, all for more than there are", () => {
    const ring = new Ring(new RingBudget());
    for (const text of ["a", "", "c"]) push(ring, 7, text);
    assert.deepEqual(last(ring, 2), ["7 ", "7 c"]);
    assert.deepEqual(last(ring, 0), []);
    assert.deepEqual(last(ring, -1), []);
    assert.deepEqual(last(ring, -(2n ** 62n)), []);
    assert.deepEqual(last(ring, 2n ** 62n - 1n), ["7 a", "7 ", "7 c"]);
    assert.deepEqual(last(new Ring(new RingBudget()), 5), []);
  });

  it("gives the lines since an instant, that included, up to the newest older one", () => {
    const ring = new Ring(new RingBudget());
    for (const [time, text] of [
      [5, "a"],
      [3, "clock set back"],
      [5, "b"],
      [6, "c"],
    ] as const) {
      push(ring, time, text);
    }
    assert.deepEqual(since(ring, 5), ["5 b", "6 c"]);
    assert.deepEqual(since(ring, 3).length, 4);
    assert.deepEqual(since(ring, 7), []);
    assert.deepEqual(since(ring, -1).length, 4);
  });

  it("keeps to its bytes: long lines leave fewer entries", () => {
    const ring = new Ring(new RingBudget());
    for (let at = 0; at < 100; at++) push(ring, at, "x".repeat(ENTRY_MAX));
    assert.equal(ring.capacity, RING_BYTES_MAX);
    assert.equal(ring.count, Math.floor(RING_BYTES_MAX / ENTRY_MAX));
    assert.match(last(ring, 1)[0] ?? "", /^99 x/);
  });

  it("does with what all rings may use, but always keeps something of the newest, and gives it back", () => {
    const budget = new RingBudget(2 * RING_BYTES_FREE);
    const first = new Ring(budget);
    const second = new Ring(budget);
    for (let at = 0; at < RING_ENTRIES; at++) push(first, at, "x".repeat(99));
    assert.equal(first.capacity, 2 * RING_BYTES_FREE);
    assert.equal(budget.used, RING_BYTES_FREE);
    for (let at = 0; at < RING_ENTRIES; at++) push(second, at, "y".repeat(99));
    assert.equal(budget.used, 2 * RING_BYTES_FREE);
    const third = new Ring(budget);
    for (let at = 0; at < RING_ENTRIES; at++) push(third, at, "z".repeat(99));
    assert.equal(third.capacity, RING_BYTES_FREE);
    assert.equal(third.count, Math.floor(RING_BYTES_FREE / 99));
    push(third, 2000, "z".repeat(ENTRY_MAX));
    assert.match(last(third, 1)[0] ?? "", /^2000 z/);
    for (const ring of [first, second, third]) ring.clear();
    assert.equal(budget.used, 0);
    assert.deepEqual(last(first, 5), []);
    push(first, 1, "again");
    assert.deepEqual(last(first, 5), ["1 again"]);
  });

  it("behaves like a list, for any lines", () => {
    const length = fc.oneof(fc.nat(20), fc.nat(2000), fc.constant(0), fc.constant(ENTRY_MAX));
    fc.assert(
      fc.property(fc.array(length, { minLength: 1, maxLength: 60 }), fc.nat(40_000), (lengths, bound) => {
        const ring = new Ring(new RingBudget(bound));
        const model: string[] = [];
        for (let round = 0; round < 30; round++) {
          for (const [at, size] of lengths.entries()) {
            const text = String.fromCharCode(97 + ((at + round) % 26)).repeat(size);
            push(ring, at, text);
            model.push(`${at} ${text}`);
          }
        }
        const found = last(ring, RING_ENTRIES);
        assert.ok(found.length > 0 && found.length <= RING_ENTRIES);
        assert.deepEqual(found, model.slice(-found.length));
      }),
      { numRuns: 60 },
    );
  });
});
