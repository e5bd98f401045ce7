import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseName } from "../../../core/name.ts";
import { ConsoleDataEncoder } from "../../../core/wire/console-data.ts";
import { encodeFrame } from "../../../core/wire/message-codec.ts";

const times = [
  0,
  1_748_513_472_000,
  1_748_513_472_001,
  1_748_513_472_120,
  -62_000_000_000_000,
  Number.MAX_SAFE_INTEGER,
];

/** Lengths around every change of a length's own size, in any of the nested lengths. */
const lengths = [0, 1, 5, 40, 41, 60, 512, 65_536, 70_000, 16_777_216].concat(
  Array.from({ length: 230 }, (_, at) => 40 + at),
  Array.from({ length: 120 }, (_, at) => 65_436 + at),
);

describe("the encoder of console data", () => {
  for (const text of [":hello", "foo:net1", `${"a".repeat(63)}:${"b".repeat(63)}:c`]) {
    it(`writes what the general encoder writes, for ${text.length} characters of name`, () => {
      const name = parseName(text);
      const encoder = new ConsoleDataEncoder(name);
      for (const [index, length] of lengths.entries()) {
        const time = times[index % times.length] ?? 0;
        const source = Uint8Array.from({ length: length + 2 }, (_, at) => (at * 7 + index) & 255);
        encoder.setTime(time);
        const out = new Uint8Array(3 + encoder.room(length)).fill(0xee);
        const end = encoder.write(source, 1, 1 + length, out, 3);
        const expected = encodeFrame({
          header: { sequence: 0n, name },
          payload: { kind: "data", data: { kind: "console", timestamp: time, line: source.slice(1, 1 + length) } },
        });
        assert.ok(
          Buffer.compare(out.subarray(3, end), expected) === 0,
          `length ${length}, time ${time}: ${Buffer.from(out.subarray(3, 80)).toString("hex")}`,
        );
        assert.deepEqual(out.subarray(0, 3), new Uint8Array(3).fill(0xee));
      }
    });
  }
});
