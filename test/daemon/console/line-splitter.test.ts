import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { LineBatch } from "../../../daemon/console/line-batch.ts";
import { DROPPED_MAX, LineSplitter, MARK_MAX, truncationMark } from "../../../daemon/console/line-splitter.ts";

function texts(batch: LineBatch): string[] {
  return Array.from({ length: batch.count }, (_, at) =>
    Buffer.from(batch.bytes.subarray(batch.starts[at], batch.ends[at])).toString("latin1"),
  );
}

const bytes = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));

/** All lines of `chunks`, one after the other. */
function split(max: number, ...chunks: string[]): string[] {
  const splitter = new LineSplitter(max);
  return [...chunks.flatMap((chunk) => texts(splitter.push(bytes(chunk)))), ...texts(splitter.finish())];
}

describe("splitting console output into lines", () => {
  it("keeps empty lines, carriage returns, and every byte value", () => {
    assert.deepEqual(split(512, "\n\na\r\n\n"), ["", "", "a\r", ""]);
    const all = Array.from({ length: 256 }, (_, at) => String.fromCharCode(at)).join("");
    assert.deepEqual(split(512, `${all}\n`), all.split("\n"));
  });

  it("joins what comes in pieces, and delivers the last line without a newline", () => {
    assert.deepEqual(split(512, "he", "llo\nwo", "", "rld"), ["hello", "world"]);
    assert.deepEqual(split(512, "a\n"), ["a"]);
    assert.deepEqual(split(512), []);
  });

  it("keeps a line of the limit whole, and of one byte more the beginning, with what is missing", () => {
    assert.deepEqual(split(512, `${"x".repeat(512)}\n`), ["x".repeat(512)]);
    assert.deepEqual(split(512, `${"x".repeat(513)}\ny\n`), [`${"x".repeat(512)} [truncated] (1 byte more)`, "y"]);
    assert.deepEqual(split(512, "x".repeat(4096), "\n"), [`${"x".repeat(512)} [truncated] (3584 bytes more)`]);
    assert.deepEqual(split(16, "x".repeat(10), "y".repeat(10)), [`${"x".repeat(10)}yyyyyy [truncated] (4 bytes more)`]);
  });

  it("does not wait for the end of an endless line, and starts afresh after it", () => {
    const part = "z".repeat(DROPPED_MAX);
    assert.deepEqual(split(16, "z".repeat(16), part, "\nnext\n"), [
      `${"z".repeat(16)} [truncated] (${DROPPED_MAX} bytes more)`,
      "next",
    ]);
    const splitter = new LineSplitter(16);
    assert.deepEqual(texts(splitter.push(bytes("z".repeat(16) + part))), []);
    assert.deepEqual(texts(splitter.push(bytes("z"))), [
      `${"z".repeat(16)} [truncated] (${DROPPED_MAX + 1}+ bytes more)`,
    ]);
    for (let round = 0; round < 10; round++) assert.equal(splitter.push(bytes(part)).count, 0);
    assert.deepEqual(texts(splitter.push(bytes("end\n\nnext\nlast"))), ["", "next"]);
    assert.deepEqual(texts(splitter.finish()), ["last"]);
    assert.deepEqual(texts(splitter.finish()), []);
  });

  it("can be used again after the end of the output", () => {
    const splitter = new LineSplitter(16);
    splitter.push(bytes("a".repeat(DROPPED_MAX + 100)));
    assert.equal(splitter.finish().count, 0);
    assert.deepEqual(texts(splitter.push(bytes("b\n"))), ["b"]);
  });

  it("marks with at most the bytes that are reserved for it", () => {
    assert.ok(truncationMark(Number.MAX_SAFE_INTEGER, true).length <= MARK_MAX);
  });

  it("gives the same lines however the output is cut", () => {
    const line = fc.oneof(
      fc.string({ unit: fc.constantFrom("a", "\r", "\u00ff", " "), maxLength: 40 }),
      fc.nat(300).map((length) => "q".repeat(length)),
    );
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat(50)), fc.boolean(), (lines, cuts, terminated) => {
        const whole = lines.join("\n") + (terminated ? "\n" : "");
        const chunks: string[] = [];
        let at = 0;
        for (const cut of cuts) {
          chunks.push(whole.slice(at, at + cut));
          at += cut;
        }
        chunks.push(whole.slice(at));
        const expected = whole
          .split("\n")
          .map((text) => (text.length <= 32 ? text : text.slice(0, 32) + truncationMark(text.length - 32, false)));
        if (expected.at(-1) === "") expected.pop();
        assert.deepEqual(split(32, ...chunks), expected);
      }),
    );
  });
});
