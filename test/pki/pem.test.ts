/**
 * PEM: blocks, comments, limits.
 *
 * @module
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  decodeOnePem,
  decodePem,
  encodePem,
  PEM_BLOCKS_MAX,
  PEM_CHARACTERS_MAX,
  PemError,
  splitPem,
} from "../../pki/pem.ts";

const block = encodePem("CERTIFICATE", Uint8Array.of(1, 2, 3));

describe("PEM", () => {
  it("is written in lines of 64 characters, and read back, at any length", () => {
    for (const length of [0, 1, 2, 3, 47, 48, 49, 6143, 6144, 6145, 20_000]) {
      const bytes = Uint8Array.from({ length }, (_, at) => (at * 7) & 255);
      const text = encodePem("X509 CRL", bytes);
      assert.ok(text.split("\n").every((line) => line.length <= 64));
      assert.deepEqual([...decodeOnePem(text, "X509 CRL")], [...bytes]);
    }
  });

  it("may have text around it, other blocks, and lines that end as on Windows", () => {
    const text = `Subject: x\n${block}${encodePem("PRIVATE KEY", Uint8Array.of(9))}end\n`.replaceAll("\n", "\r\n");
    assert.deepEqual(
      splitPem(text).map(({ label }) => label),
      ["CERTIFICATE", "PRIVATE KEY"],
    );
    assert.deepEqual([...decodeOnePem(text, "PRIVATE KEY")], [9]);
  });

  it("is refused if it is broken, missing, or there twice", () => {
    for (const broken of [
      block.replace("-----END CERTIFICATE-----\n", ""),
      block.replace("END CERTIFICATE", "END X509 CRL"),
      block.replace("AQID", "AQI"),
      block.replace("AQID", "A*ID"),
      block.replace("AQID", "AQ=D"),
      block.replace("AQID", "-----BEGIN CERTIFICATE-----"),
    ]) {
      assert.throws(() => splitPem(broken), PemError, broken);
    }
    assert.throws(() => decodeOnePem("", "CERTIFICATE"), /There is no CERTIFICATE/);
    assert.throws(() => decodeOnePem(block + block, "CERTIFICATE"), /2 blocks CERTIFICATE, but one is expected/);
  });

  it(`has ${PEM_BLOCKS_MAX} blocks at most`, () => {
    assert.equal(decodePem(block.repeat(PEM_BLOCKS_MAX), "CERTIFICATE").length, PEM_BLOCKS_MAX);
    assert.throws(() => decodePem(block.repeat(PEM_BLOCKS_MAX + 1), "CERTIFICATE"), /more than 256 blocks/);
  });

  it("has a largest size", () => {
    assert.equal(splitPem(`${" ".repeat(PEM_CHARACTERS_MAX - block.length - 1)}\n${block}`).length, 1);
    assert.throws(() => splitPem(" ".repeat(PEM_CHARACTERS_MAX + 1)), /more than/);
  });
});
