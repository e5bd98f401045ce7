/**
 * Strictness of the DER reader, and its limits.
 *
 * @module
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { fromBytes, fromText, toBytes } from "../../../core/byte-string.ts";
import { INT_MAX, INT_MIN } from "../../../core/int.ts";
import { DecodeError } from "../../../core/wire/decode-error.ts";
import { type Codec, type Decoder, ELEMENTS_MAX, explicit, sequenceOf, setOf } from "../../../core/wire/der-codec.ts";
import {
  bool,
  int,
  int32,
  int64,
  macAddress,
  nameCodec,
  nothing,
  octets,
  text,
} from "../../../core/wire/der-primitives.ts";
import { Reader } from "../../../core/wire/der-reader.ts";
import { formatTime, parseTime, TIME_MAX, TIME_MIN, time } from "../../../core/wire/der-time.ts";
import { Writer } from "../../../core/wire/der-writer.ts";
import { policyCodec } from "../../../core/wire/policy-codec.ts";
import { intSet } from "../../../core/wire/unikernel-codec.ts";
import { int as anyInt } from "../../support/arbitrary-messages.ts";
import { hex, unhex } from "../../support/vectors.ts";

function read<T>(codec: Decoder<T>, digits: string): T {
  const reader = new Reader(unhex(digits.replaceAll(" ", "")));
  const value = codec.read(reader);
  reader.finish();
  return value;
}

function write<T>(codec: Codec<T>, value: T): string {
  const writer = new Writer(4); // so small that it has to grow
  codec.write(writer, value);
  return hex(writer.finish());
}

function rejects<T>(codec: Decoder<T>, ...inputs: readonly string[]): void {
  for (const digits of inputs) assert.throws(() => read(codec, digits), DecodeError, digits);
}

describe("lengths", () => {
  it("are definite, minimal and within the input", () => {
    rejects(
      octets,
      "04",
      "0480",
      "048000",
      "0401",
      "04020a",
      "0482 0001 00",
      "0481 01 00",
      "04ff",
      "0488 ffffffffffffffff",
    );
    rejects(octets, `0481 7e ${"00".repeat(126)}`, `0482 0080 ${"00".repeat(128)}`, `0400 00`);
  });

  it("may be 127 in long form, as the original allows", () => {
    assert.equal(read(octets, `0481 7f ${"00".repeat(127)}`).length, 127);
    assert.equal(read(octets, `04 7f ${"00".repeat(127)}`).length, 127);
  });

  it("are written in as few bytes as there are", () => {
    for (const [length, header] of [
      [0, "0400"],
      [127, "047f"],
      [128, "048180"],
      [255, "0481ff"],
      [256, "04820100"],
      [65_535, "0482ffff"],
      [65_536, "0483010000"],
    ] as const) {
      const written = write(octets, new Uint8Array(length));
      assert.ok(written.startsWith(header), header);
      assert.equal(written.length, header.length + 2 * length);
    }
  });

  it("of an inner element must not reach beyond the outer one", () => {
    rejects(sequenceOf(octets), "3002 0401 00", "3003 0402 00");
  });
});

describe("integers", () => {
  it("have 63 bits", () => {
    assert.equal(read(int, "02083fffffffffffffff"), INT_MAX);
    assert.equal(read(int, "0208c000000000000000"), INT_MIN);
    rejects(int, "02084000000000000000", "0208bfffffffffffffff", "0209000000000000000000", "02090100000000000000 00");
  });

  it("are minimal and not empty", () => {
    rejects(int, "0200", "02020000", "0202007f", "0202ff80", "0202ffff", "220100", "0201");
    assert.equal(read(int, "02020080"), 128);
    assert.equal(read(int, "0202ff7f"), -129);
  });

  it("are numbers where that is exact, and come back as they were", () => {
    fc.assert(
      fc.property(anyInt, (value) => {
        const digits = write(int, value);
        assert.strictEqual(read(int, digits), value);
        assert.ok(digits.length <= 20);
      }),
      { numRuns: 2000 },
    );
  });

  it("of 32 bits are taken as signed", () => {
    assert.equal(read(int32, "020500ffffffff"), -1);
    assert.equal(read(int32, "0205ff00000000"), 0);
    assert.equal(read(int32, "02083fffffffffffffff"), -1);
  });

  it("of 64 bits need eight bytes, and use no more", () => {
    assert.equal(read(int64, "0408ffffffffffffffff"), 2n ** 64n - 1n);
    assert.equal(read(int64, "0409 0000000000000001 ff"), 1n);
    rejects(int64, "0400", "040700000000000000", "2408 0000000000000000");
    for (const value of [0n, 1n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n]) {
      assert.equal(read(int64, write(int64, value)), value);
    }
    assert.equal(write(int64, -1n), "0408ffffffffffffffff");
  });
});

describe("other primitives", () => {
  it("take any non-zero byte as true", () => {
    assert.deepEqual(
      ["010100", "010101", "0101ff"].map((digits) => read(bool, digits)),
      [false, true, true],
    );
    rejects(bool, "0100", "01020000", "210100");
  });

  it("take no content in NULL", () => {
    assert.equal(read(nothing, "0500"), undefined);
    rejects(nothing, "050100", "2500");
  });

  it("keep any bytes in a text, of any length", () => {
    for (const length of [0, 1, 7, 8, 9, 63, 64, 65, 4096, 4097, 10_000]) {
      const bytes = Uint8Array.from({ length }, (_, at) => at % 256);
      const value = fromBytes(bytes);
      assert.equal(read(text, write(text, value)), value);
      assert.deepEqual(toBytes(read(text, write(text, value))), bytes);
    }
    rejects(text, "2c00", "2c040c026162");
  });

  it("want six bytes in a MAC address", () => {
    assert.equal(read(macAddress, "0406008041dfaa23"), "00:80:41:df:aa:23");
    rejects(macAddress, "0400", "0405008041dfaa", "0407008041dfaa2300");
  });
});

describe("names", () => {
  it("are right however many different ones come by", () => {
    for (let round = 0; round < 3000; round++) {
      const digits = write(text, fromText(`Tenant${round % 1500}:web`));
      assert.equal(read(nameCodec, digits).text, `tenant${round % 1500}:web`);
    }
    rejects(nameCodec, "0c00", write(text, fromText("a_b")), write(text, fromText("a::b")));
    const long = new Array(200).fill("label").join(":");
    assert.equal(read(nameCodec, write(text, fromText(long))).text, long);
  });
});

describe("structures", () => {
  it("have exactly one element in an EXPLICIT wrapper", () => {
    const codec = explicit(3, int);
    assert.equal(read(codec, "a303020105"), 5);
    rejects(codec, "a300", "a306020105020105", "8303020105", "a203020105", "a304020105", "a30302010500");
  });

  it("sort a SET OF when writing and take any order when reading", () => {
    assert.equal(write(setOf(int), [128, 127, -1, 2]), "310d02010202017f0201ff02020080");
    assert.deepEqual(read(setOf(int), "310d0202008002010202017f0201ff"), [128, 2, 127, -1]);
    assert.equal(write(setOf(text), [fromText("b"), fromText("aa"), fromText("b")]), "310a0c01620c01620c026161");
    assert.deepEqual(read(intSet, "3106020102020101"), [1, 2]);
    assert.deepEqual(read(intSet, "3106020101020101"), [1]);
  });

  it("reject what is left over or out of place", () => {
    const policy = "3010 3000 020101 020101 020101 3003 0c0161";
    assert.equal(read(policyCodec, "3010 3000 020101 020101 020101 3003 0c0161").block, 1);
    rejects(policyCodec, `${policy}00`, "300d 3000 020101 020101 3003 020101", "3009 3000 020101 020101 00");
    rejects(policyCodec, "3012 3000 020101 020101 020101 3003 0c0161 0500");
  });

  it("hold at most the allowed number of elements", () => {
    const list = (count: number) => write(sequenceOf(nothing), new Array<undefined>(count).fill(undefined));
    assert.equal(read(sequenceOf(nothing), list(ELEMENTS_MAX)).length, ELEMENTS_MAX);
    rejects(sequenceOf(nothing), list(ELEMENTS_MAX + 1));
  });
});

describe("times", () => {
  const instant = Date.UTC(2026, 4, 29, 10, 11, 12);

  it("are written with three digits of fraction or none", () => {
    assert.equal(formatTime(instant), "20260529101112Z");
    assert.equal(formatTime(instant + 345), "20260529101112.345Z");
    assert.equal(formatTime(instant + 120), "20260529101112.120Z");
    assert.equal(formatTime(instant + 5), "20260529101112.005Z");
    assert.equal(formatTime(instant + 345.9), "20260529101112.345Z");
    assert.equal(formatTime(instant + 0.001), "20260529101112.000Z");
    assert.equal(formatTime(TIME_MIN), "00000101000000Z");
    assert.equal(formatTime(TIME_MAX), "99991231235959.999Z");
    assert.equal(formatTime(TIME_MAX + 1), "99991231235959.999Z");
    assert.equal(formatTime(TIME_MIN - 1), "00000101000000Z");
  });

  it("are read as the original reads them", () => {
    for (const [notation, expected] of [
      ["20260529101112Z", instant],
      ["20260529101112", instant],
      ["20260529101112.000Z", instant],
      ["20260529101112.5Z", instant + 5],
      ["20260529101112.50Z", instant + 50],
      ["20260529101112.500", instant + 500],
      ["202605291011Z", instant - 12_000],
      ["2026052910", instant - 12_000 - 11 * 60_000],
      ["20260529111112+0100", instant],
      ["20260529094112-0030", instant],
      ["20260529101160Z", instant + 48_000],
      ["20000229000000Z", Date.UTC(2000, 1, 29)],
      ["00000101000000Z", TIME_MIN],
    ] as const) {
      assert.equal(parseTime(notation), expected, notation);
      assert.equal(read(time, write(text, fromText(notation)).replace(/^0c/, "18")), expected, notation);
    }
  });

  it("are rejected if there is no such day, time, zone or form", () => {
    for (const notation of [
      "",
      "Z",
      "20260529",
      "2026052910111Z",
      "20260529101112.Z",
      "20260529101112.1234Z",
      "20260529101112,5Z",
      "20260529101112ZZ",
      "20260529101112+01",
      "20260529101112+2400",
      "20260529101112+0060",
      "20260029101112Z",
      "20261329101112Z",
      "20260230101112Z",
      "20230229000000Z",
      "19000229000000Z",
      "20260529241112Z",
      "20260529106012Z",
      "20260529101161Z",
      "99991231235960Z",
      "00000101000000+0001",
      "２０２６0529101112Z",
    ]) {
      assert.throws(() => parseTime(notation), DecodeError, notation);
      rejects(time, write(text, fromText(notation)).replace(/^0c/, "18"));
    }
  });

  it("come back as they were", () => {
    fc.assert(
      fc.property(fc.integer({ min: TIME_MIN, max: TIME_MAX }), (value) => {
        assert.equal(read(time, write(time, value)), value);
        assert.equal(parseTime(formatTime(value)), value);
      }),
      { numRuns: 3000 },
    );
  });
});

describe("INTEGER", () => {
  it("is refused where there is none to write", () => {
    for (const value of [Number.NaN, 0.5, Number.POSITIVE_INFINITY, 2 ** 53]) {
      assert.throws(() => new Writer(4).int(2, value), RangeError);
    }
  });
});
