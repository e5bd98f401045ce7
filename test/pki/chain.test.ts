/**
 * From chains to commands, against the recorded chains of the original.
 *
 * @module
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { answerChain } from "../../daemon/wire-tool/chain.ts";
import { CHAIN_MAX, interpretChain } from "../../pki/chain.ts";
import { ChainError } from "../../pki/chain-error.ts";
import { decodePem } from "../../pki/pem.ts";
import { unhex } from "../support/vectors.ts";

interface ChainVector {
  readonly description: string;
  readonly chain_pem: string;
  readonly chain_der_hex: readonly string[];
  readonly handle: { readonly error?: string };
}

const vectorDirectory = new URL("../vectors/", import.meta.url);
const vectors = JSON.parse(readFileSync(new URL("tls_handle.json", vectorDirectory), "utf8")) as readonly ChainVector[];

function answer(pem: string): unknown {
  try {
    return answerChain(pem);
  } catch (error) {
    assert.ok(error instanceof ChainError, String(error));
    return { error: error.message };
  }
}

describe("certificate chains of the original", () => {
  for (const vector of vectors) {
    it(`means what it meant to the original: ${vector.description}`, () => {
      assert.deepEqual(answer(vector.chain_pem), vector.handle);
      assert.deepEqual(
        decodePem(vector.chain_pem, "CERTIFICATE").map((der) => [...der]),
        vector.chain_der_hex.map((digits) => [...unhex(digits)]),
      );
    });
  }

  for (const keyType of ["ed25519", "p256", "rsa2048"]) {
    const directory = new URL(`chains/${keyType}/`, vectorDirectory);
    const suffix = ".handle.json";
    for (const file of readdirSync(directory).filter((name) => name.endsWith(suffix))) {
      it(`understands ${keyType}/${file.slice(0, -suffix.length)}`, () => {
        const expected: unknown = JSON.parse(readFileSync(new URL(file, directory), "utf8"));
        assert.deepEqual(answer(readFileSync(new URL(file.slice(0, -suffix.length), directory), "utf8")), expected);
      });
    }
  }
});

describe("limits and times of chains", () => {
  const of = (description: string) => {
    const found = vectors.find((vector) => vector.description === description);
    assert.ok(found);
    return found.chain_der_hex.map(unhex);
  };

  it("takes nine certificates and no more", () => {
    const nine = of("chain of 9");
    assert.equal(nine.length, CHAIN_MAX);
    assert.equal(interpretChain(nine).kind, "command");
    const [first] = nine;
    assert.ok(first);
    assert.throws(() => interpretChain([...nine, first]), {
      name: "ChainError",
      message: "certificate chain too long",
    });
  });

  it("does not read certificates of a chain that is too long", () => {
    assert.throws(() => interpretChain(new Array<Uint8Array>(10_000).fill(new Uint8Array(1))), {
      message: "certificate chain too long",
    });
  });

  it("tells since when each policy is valid, the deepest first", () => {
    const meaning = interpretChain(of("tenant/sub leaf without CA"));
    assert.deepEqual(
      meaning.policies.map(({ name, notBefore }) => [name.text, new Date(notBefore).toISOString().slice(0, 10)]),
      [
        ["tenant:sub:", "2026-11-21"],
        ["tenant:", "2026-11-21"],
      ],
    );
  });

  it("refuses bytes that are no certificate with its own error", () => {
    assert.throws(() => interpretChain([new Uint8Array(20)]), ChainError);
  });
});
