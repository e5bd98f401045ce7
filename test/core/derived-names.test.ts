/**
 * Names, file names and MAC addresses derived from them, against the original.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { fromText } from "../../core/byte-string.ts";
import { deriveMac, formatMac, macBytes, parseMac } from "../../core/mac.ts";
import { NameError, parseLabel, parseName, parsePath } from "../../core/name.ts";
import { blockFile, fifoFile, imageFile, socketFile, stateFile } from "../../core/paths.ts";
import { readVectors } from "../support/vectors.ts";

interface Outcome {
  readonly ok?: string;
  readonly error?: string;
  readonly [key: string]: unknown;
}

const vectors = readVectors("names.json") as {
  readonly names: readonly {
    readonly input: string;
    readonly name: Outcome;
    readonly path: Outcome;
    readonly label: Outcome;
  }[];
  readonly sockets: readonly string[];
};

function md5(bytes: Uint8Array): Uint8Array {
  return createHash("md5").update(bytes).digest();
}

function outcome(parse: () => string): Outcome {
  try {
    return { ok: parse() };
  } catch (error) {
    assert.ok(error instanceof NameError);
    return { error: error.message };
  }
}

describe("names of the original", () => {
  for (const { input, name: expected, path, label } of vectors.names) {
    it(`are read alike: ${JSON.stringify(input)}`, () => {
      assert.deepEqual(
        outcome(() => parsePath(input).path.join(":")),
        path,
      );
      assert.deepEqual(
        outcome(() => parseLabel(input)),
        label,
      );
      if (expected.error !== undefined) {
        assert.deepEqual(
          outcome(() => parseName(input).text),
          expected,
        );
        return;
      }
      const name = parseName(input);
      assert.deepEqual(
        {
          ok: name.text,
          pp: name.toDisplay(),
          path: name.path.join(":"),
          label: name.label ?? null,
          list: name.labels,
          is_root: name.key === "",
          image_file: imageFile("/run/albatross", name),
          fifo_file: fifoFile("/run/albatross", name),
          block_file: blockFile("/var/lib/albatross", name),
          block_name_data: name.sibling(parseLabel("data")).text,
          mac_service: deriveMac(fromText("service"), name, md5),
          mac_default: deriveMac(fromText("default"), name, md5),
        },
        expected,
      );
    });
  }
});

describe("files", () => {
  it("have the original's names", () => {
    const sockets = (["console", "stat", "vmmd"] as const).map((role) => socketFile("/run/albatross", role));
    assert.deepEqual(sockets, vectors.sockets);
    assert.equal(stateFile("/d"), "/d/state");
    assert.equal(stateFile("/d", "backup"), "/d/state.bak");
    assert.equal(stateFile("/d", "started"), "/d/state.started");
  });
});

describe("MAC addresses", () => {
  it("are read in the usual notations only", () => {
    assert.equal(parseMac("00:80:41:DF:aa:23"), "00:80:41:df:aa:23");
    assert.equal(parseMac("00-80-41-df-aa-23"), "00:80:41:df:aa:23");
    for (const text of [
      "",
      "00:80:41:df:aa",
      "00:80:41:df:aa:23:00",
      "0:80:41:df:aa:23",
      "00:80-41:df:aa:23",
      "00:80:41:df:aa:2g",
    ]) {
      assert.equal(parseMac(text), undefined, text);
    }
  });

  it("have six bytes", () => {
    const bytes = Uint8Array.of(0, 0x80, 0x41, 0xdf, 0xaa, 0x23);
    assert.equal(formatMac(bytes), "00:80:41:df:aa:23");
    assert.deepEqual(macBytes(formatMac(bytes)), bytes);
    assert.throws(() => formatMac(bytes.subarray(1)), RangeError);
    assert.throws(() => formatMac(new Uint8Array(7)), RangeError);
  });
});
