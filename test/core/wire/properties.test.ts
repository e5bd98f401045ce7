/**
 * What must hold for every message, and for every damaged one.
 *
 * @module
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { DecodeError } from "../../../core/wire/decode-error.ts";
import { decodeExtension, encodeExtension } from "../../../core/wire/extension.ts";
import { decodeMessage, encodeFrame, encodeMessage } from "../../../core/wire/message-codec.ts";
import { decodeState, encodeState } from "../../../core/wire/state.ts";
import { command, config, message, name, policy } from "../../support/arbitrary-messages.ts";
import { mutate, Random } from "../../support/mutations.ts";
import { unhex, vectorList } from "../../support/vectors.ts";

describe("every message", () => {
  it("is decoded to what was encoded", () => {
    fc.assert(
      fc.property(message, (value) => {
        const bytes = encodeMessage(value);
        assert.deepEqual(decodeMessage(bytes), value);
        assert.deepEqual(encodeFrame(value).subarray(4), bytes);
      }),
      { numRuns: 3000 },
    );
  });

  it("is rejected if anything follows it or is missing", () => {
    fc.assert(
      fc.property(message, fc.nat(), (value, cut) => {
        const bytes = encodeMessage(value);
        assert.throws(() => decodeMessage(Uint8Array.of(...bytes, 0)), {
          name: "DecodeError",
          message: "trailing bytes",
        });
        assert.throws(() => decodeMessage(bytes.subarray(0, cut % bytes.length)), DecodeError);
      }),
      { numRuns: 500 },
    );
  });
});

describe("every command in a certificate", () => {
  it("is decoded to what was encoded", () => {
    fc.assert(
      fc.property(command, (value) => assert.deepEqual(decodeExtension(encodeExtension(value)), value)),
      { numRuns: 2000 },
    );
  });
});

describe("every state", () => {
  it("is decoded to what was encoded, in the order of the tree", () => {
    const entries = <T>(value: fc.Arbitrary<T>) =>
      fc
        .uniqueArray(fc.tuple(name, value), { selector: ([key]) => key.key, maxLength: 6 })
        .map((pairs) => pairs.map(([key, one]) => ({ name: key, value: one })));
    fc.assert(
      fc.property(entries(config), entries(policy), (unikernels, policies) => {
        const state = decodeState(encodeState({ unikernels, policies }));
        const byKey = <T extends { readonly name: { readonly key: string } }>(list: readonly T[]) =>
          [...list].sort((a, b) => (a.name.key < b.name.key ? -1 : 1));
        assert.deepEqual(byKey(state.unikernels), byKey(unikernels));
        assert.deepEqual(byKey(state.policies), byKey(policies));
        assert.deepEqual(decodeState(encodeState(state)), state);
      }),
      { numRuns: 500 },
    );
  });
});

/** Decodes damaged inputs; whatever is thrown must be a DecodeError, whatever is accepted must survive a round trip. */
function attack(
  inputs: readonly Uint8Array[],
  count: number,
  seed: number,
  decodeAndCheck: (bytes: Uint8Array) => void,
): { readonly accepted: number; readonly rejected: number } {
  const random = new Random(seed);
  let accepted = 0;
  let rejected = 0;
  for (let round = 0; round < count; round++) {
    const input = inputs[random.below(inputs.length)] ?? new Uint8Array();
    const damaged = mutate(input, random);
    try {
      decodeAndCheck(damaged);
      accepted++;
    } catch (error) {
      if (!(error instanceof DecodeError)) {
        throw new Error(`Round ${round}: ${Buffer.from(damaged).toString("hex")}`, { cause: error });
      }
      rejected++;
    }
  }
  return { accepted, rejected };
}

function hexOf(file: string): readonly Uint8Array[] {
  return vectorList(file).flatMap(({ hex }) => (hex === undefined ? [] : [unhex(hex)]));
}

describe("damaged input", () => {
  it("makes the message decoder throw DecodeErrors only", () => {
    const inputs = [...hexOf("wire.json"), ...hexOf("wire_old.json"), ...hexOf("wire_malformed.json")];
    const { accepted, rejected } = attack(inputs, 70_000, 1, (bytes) => {
      const again = encodeMessage(decodeMessage(bytes));
      assert.deepEqual(encodeMessage(decodeMessage(again)), again);
    });
    assert.ok(accepted > 500 && rejected > 5000, `${accepted} accepted, ${rejected} rejected`);
  });

  it("makes the extension decoder throw DecodeErrors only", () => {
    const { accepted, rejected } = attack(hexOf("cert_extension.json"), 20_000, 2, (bytes) => {
      const again = encodeExtension(decodeExtension(bytes));
      assert.deepEqual(encodeExtension(decodeExtension(again)), again);
    });
    assert.ok(accepted > 100 && rejected > 1000, `${accepted} accepted, ${rejected} rejected`);
  });

  it("makes the state decoder throw DecodeErrors only", () => {
    const { accepted, rejected } = attack(hexOf("state.json"), 20_000, 3, (bytes) => {
      const again = encodeState(decodeState(bytes));
      assert.deepEqual(encodeState(decodeState(again)), again);
    });
    assert.ok(accepted > 100 && rejected > 1000, `${accepted} accepted, ${rejected} rejected`);
  });

  it("that is not even DER does no harm either", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        for (const decode of [decodeMessage, decodeExtension, decodeState]) {
          try {
            decode(bytes);
          } catch (error) {
            assert.ok(error instanceof DecodeError);
          }
        }
      }),
      { numRuns: 3000 },
    );
  });

  it("nested a million deep does not exhaust the stack", () => {
    const deep = new Uint8Array(1_000_000).fill(0xa0);
    for (const decode of [decodeMessage, decodeExtension, decodeState]) assert.throws(() => decode(deep), DecodeError);
    let nested = Uint8Array.of(0x05, 0x00);
    for (let depth = 0; depth < 2000; depth++) {
      const length = nested.length;
      const header =
        length < 128 ? [0xa3, length] : length < 256 ? [0xa3, 0x81, length] : [0xa3, 0x82, length >> 8, length & 255];
      nested = Uint8Array.of(...header, ...nested);
    }
    assert.throws(() => decodeState(nested), DecodeError);
  });
});
