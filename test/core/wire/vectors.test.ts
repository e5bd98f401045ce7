/**
 * The codec against the recorded vectors of the original.
 *
 * @module
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DecodeError } from "../../../core/wire/decode-error.ts";
import { decodeExtension, encodeExtension } from "../../../core/wire/extension.ts";
import { decodeMessage, encodeFrame, encodeMessage } from "../../../core/wire/message-codec.ts";
import { decodeState, encodeState } from "../../../core/wire/state.ts";
import { commandFromJson } from "../../../daemon/wire-tool/command-from-json.ts";
import { commandToJson } from "../../../daemon/wire-tool/command-to-json.ts";
import { JsonReader } from "../../../daemon/wire-tool/json-reader.ts";
import { messageFromJson } from "../../../daemon/wire-tool/message-from-json.ts";
import { headerToJson, payloadToJson } from "../../../daemon/wire-tool/message-to-json.ts";
import { configToJson, policyToJson } from "../../../daemon/wire-tool/unikernel-to-json.ts";
import { hex, unhex, vectorList } from "../../support/vectors.ts";

/** The texts of errors that are cheap to match; of all others only that there is one counts. */
const exactTexts = new Set([
  "buffer too short",
  "buffer too small",
  "data too short",
  "not a sequence",
  "trailing bytes",
  "indefinite length",
  "invalid name",
  "empty name",
  "support for log dropped",
  "support for log was dropped",
  "INTEGER: length 0",
  "bad mac address: Macaddr: MAC is exactly 6 bytes",
]);

function isExpected(error: unknown, text: string): true {
  assert.ok(error instanceof DecodeError, String(error));
  if (exactTexts.has(text) || text.startsWith("unknown version") || text.startsWith("Type mismatch")) {
    assert.equal(error.message, text);
  }
  return true;
}

describe("messages of the original", () => {
  for (const file of ["wire.json", "wire_old.json", "wire_malformed.json"]) {
    for (const vector of vectorList(file)) {
      const { hex: digits, error } = vector;
      if (digits === undefined) continue; // the original could not encode it
      if (error !== undefined) {
        it(`rejects ${vector.id}: ${vector.description}`, () => {
          assert.throws(
            () => decodeMessage(unhex(digits)),
            (thrown) => isExpected(thrown, error),
          );
        });
        continue;
      }
      it(`reads and writes ${vector.id}: ${vector.description}`, () => {
        const message = decodeMessage(unhex(digits));
        assert.deepEqual(headerToJson(message.header), vector.header);
        const { value, decoded_differs: decoded } = vector;
        assert.deepEqual(payloadToJson(message.payload), typeof decoded === "object" ? decoded.value : value);
        const again = encodeMessage(message);
        // Only instants between two milliseconds do not survive, in the original neither.
        if (vector.roundtrip !== false) assert.equal(hex(again), vector.reencoded ?? digits);
        const framed = encodeFrame(message);
        assert.equal(new DataView(framed.buffer, framed.byteOffset).getUint32(0), again.length);
        assert.deepEqual(framed.subarray(4), again);
      });
      if (file !== "wire.json") continue;
      it(`writes ${vector.id} from its description`, () => {
        assert.equal(hex(encodeMessage(messageFromJson(new JsonReader(vector)))), digits);
      });
    }
  }

  it("are encoded where the original fails: old infos of several CPUs tell the smallest", () => {
    const vectors = vectorList("wire.json").filter((vector) => "encode_error" in vector);
    assert.ok(vectors.length > 0);
    for (const vector of vectors) {
      const { payload } = decodeMessage(encodeMessage(messageFromJson(new JsonReader(vector))));
      assert.ok(payload.kind === "success" && payload.success.kind === "unikernels-old");
      assert.deepEqual(payload.success.unikernels[0]?.info.cpuIds, [0]);
    }
  });
});

describe("certificate extensions of the original", () => {
  for (const vector of vectorList("cert_extension.json")) {
    const { hex: digits = "", error } = vector;
    it(`${error === undefined ? "reads and writes" : "rejects"} ${vector.description}`, () => {
      if (error !== undefined) {
        assert.throws(
          () => decodeExtension(unhex(digits)),
          (thrown) => isExpected(thrown, error),
        );
        return;
      }
      const command = decodeExtension(unhex(digits));
      assert.equal(hex(encodeExtension(command)), digits);
      const given = commandFromJson(new JsonReader(vector.value));
      assert.equal(hex(encodeExtension(given)), digits);
      assert.deepEqual(commandToJson(command), commandToJson(decodeExtension(encodeExtension(given))));
    });
  }
});

describe("state files of the original", () => {
  for (const vector of vectorList("state.json")) {
    const { hex: digits = "", error } = vector;
    it(`${error === undefined ? "reads and writes" : "rejects"} ${vector.description}`, () => {
      if (error !== undefined) {
        assert.throws(() => decodeState(unhex(digits)), DecodeError);
        return;
      }
      const state = decodeState(unhex(digits));
      assert.deepEqual(
        state.unikernels.map(({ name, value }) => [name.text, configToJson(value)]),
        vector["unikernels"],
      );
      assert.deepEqual(
        state.policies.map(({ name, value }) => [name.text, policyToJson(value)]),
        vector["policies"],
      );
      assert.equal(hex(encodeState(state)), vector.reencoded);
    });
  }

  it("are written in the order of the tree, whatever the order given", () => {
    const vector = vectorList("state.json").find(
      (one) => one.description === "current (tag 6) unikernels and policies",
    );
    const state = decodeState(unhex(vector?.hex ?? ""));
    const shuffled = { unikernels: [...state.unikernels].reverse(), policies: [...state.policies].reverse() };
    assert.equal(hex(encodeState(shuffled)), vector?.hex);
  });

  it("may not hold one slot twice, be it as path and as label", () => {
    const one = decodeState(unhex("a606300430003000"));
    const policy = { unikernels: 1, cpuIds: [0], memory: 32, block: undefined, bridges: [] };
    const vector = vectorList("state.json").find((it) => it.description === "name without a leading colon");
    const name = decodeState(unhex(vector?.hex ?? "")).policies[0]?.name;
    assert.ok(name?.text === ":foo");
    const twice = encodeState({
      ...one,
      policies: [
        { name, value: policy },
        { name: name.parentPath, value: policy },
      ],
    });
    assert.equal(decodeState(twice).policies.length, 2);
    const path = decodeState(unhex(hex(twice))).policies.map((it) => it.name);
    assert.deepEqual(
      path.map((it) => it.text),
      [":", ":foo"],
    );
    // `foo:` and `:foo` share a slot.
    const clash = hex(twice).replace("0c013a", "0c04666f6f3a");
    const grown = clash.replace(/^a6(..)30(..)300030(..)30(..)/, (_all, a, b, c, d) => {
      const plus = (digits: string) => (Number.parseInt(digits, 16) + 3).toString(16).padStart(2, "0");
      return `a6${plus(a)}30${plus(b)}300030${plus(c)}30${plus(d)}`;
    });
    assert.throws(() => decodeState(unhex(grown)), { name: "DecodeError", message: /holds .* twice/ });
  });
});
