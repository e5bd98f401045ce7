/**
 * The streams of the original's compressor can be read by the platform's zlib.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { inflateSync } from "node:zlib";
import { JsonReader } from "../../daemon/wire-tool/json-reader.ts";
import { vectorList } from "../support/vectors.ts";

describe("compressed streams of the original", () => {
  for (const vector of vectorList("compress.json")) {
    const json = new JsonReader(vector);
    it(`are read: ${json.get("sample").string()}, level ${json.get("level").int()}`, () => {
      const plain = inflateSync(json.get("compressed_hex").hex());
      assert.equal(plain.length, json.get("length").int());
      assert.equal(createHash("sha256").update(plain).digest("hex"), json.get("sha256").string());
    });
  }
});
