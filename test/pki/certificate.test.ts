/**
 * Reading certificates: of the original, at the limits, and damaged ones.
 *
 * @module
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { CERTIFICATE_BYTES_MAX, CertificateError, EXTENSIONS_MAX, readCertificate } from "../../pki/certificate.ts";
import { interpretChain } from "../../pki/chain.ts";
import { ChainError } from "../../pki/chain-error.ts";
import { OID_BYTES_MAX } from "../../pki/der.ts";
import { encodeCommonName, NAME_PARTS_MAX } from "../../pki/distinguished-name.ts";
import { ALBATROSS, KEY_USAGE } from "../../pki/oids.ts";
import { decodePem } from "../../pki/pem.ts";

const chains = new URL("../vectors/chains/", import.meta.url);

function read(file: string): readonly Uint8Array[] {
  return decodePem(readFileSync(new URL(file, chains), "utf8"), "CERTIFICATE");
}

function first(file: string): Uint8Array {
  const [der] = read(file);
  assert.ok(der);
  return der;
}

/** An element of DER. */
function element(identifier: number, ...content: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  const bytes = content.flatMap((part) => [...part]);
  const { length } = bytes;
  const header =
    length < 128 ? [length] : [0x84, length >>> 24, (length >>> 16) & 255, (length >>> 8) & 255, length & 255];
  while (header.length > 2 && header[1] === 0) header.splice(0, 2, (header[0] ?? 0) - 1);
  return Uint8Array.from([identifier, ...header, ...bytes]);
}

const sequence = (...content: readonly (Uint8Array | readonly number[])[]) => element(0x30, ...content);
const ascii = (text: string) => new TextEncoder().encode(text);
const oid = (...content: readonly number[]) => element(6, content);
const algorithm = sequence(oid(0x2b, 0x65, 0x70));

interface Parts {
  readonly subject?: Uint8Array;
  readonly times?: readonly [Uint8Array, Uint8Array];
  readonly extensions?: Uint8Array | undefined;
  readonly version?: number;
}

/** A certificate in form only. */
function certificate(parts: Parts = {}): Uint8Array {
  const name = encodeCommonName("x");
  const [from, to] = parts.times ?? [element(0x17, ascii("260101000000Z")), element(0x17, ascii("270101000000Z"))];
  const body = sequence(
    element(0xa0, element(2, [parts.version ?? 2])),
    element(2, [5]),
    algorithm,
    name,
    sequence(from, to),
    parts.subject ?? name,
    sequence(algorithm, element(3, [0, 1, 2])),
    parts.extensions === undefined ? [] : element(0xa3, sequence(parts.extensions)),
  );
  return sequence(body, algorithm, element(3, [0, 9, 9]));
}

function extension(last: number, ...more: readonly Uint8Array[]): Uint8Array {
  return sequence(oid(0x55, 0x1d, last), ...more, element(4, [5, 0]));
}

describe("certificates of the original", () => {
  it("are read in all their parts", () => {
    const leaf = readCertificate(first("ed25519/leaf-info-by-ca.pem"));
    assert.equal(leaf.version, 3);
    assert.equal(Buffer.from(leaf.serial).toString("hex"), "00e67b7fe603d93239d549");
    assert.equal(leaf.issuerCommonName, "ca");
    assert.equal(leaf.subjectCommonName, "hello");
    assert.equal(new Date(leaf.notBefore).toISOString(), "2026-11-21T21:23:21.000Z");
    assert.equal(new Date(leaf.notAfter).toISOString(), "2036-11-18T21:23:31.000Z");
    assert.equal(leaf.extensions.size, 6);
    assert.equal(leaf.extensions.get(ALBATROSS)?.critical, false);
    assert.equal(leaf.extensions.get(KEY_USAGE)?.critical, true);
    assert.equal(leaf.publicKeyInfo.length, 44);
    assert.equal(leaf.signature.length, 64);
  });

  it("are all readable, whatever their key", () => {
    for (const keyType of ["ed25519", "p256", "rsa2048"]) {
      const files = readdirSync(new URL(`${keyType}/`, chains)).filter((name) => name.endsWith(".pem"));
      assert.ok(files.length >= 8);
      for (const file of files) for (const der of read(`${keyType}/${file}`)) readCertificate(der);
    }
  });

  it("are not copied", () => {
    const der = first("ed25519/leaf-info-by-ca.pem");
    const { buffer } = der;
    const leaf = readCertificate(der);
    for (const part of [leaf.serial, leaf.subject, leaf.signedPart, leaf.extensions.get(ALBATROSS)?.value]) {
      assert.equal(part?.buffer, buffer);
    }
  });
});

describe("the form of certificates", () => {
  const refused = (der: Uint8Array, message: RegExp) =>
    assert.throws(() => readCertificate(der), { name: "CertificateError", message });

  it("knows both kinds of time, and where UTCTime's century turns", () => {
    const times = (from: string, to: string) =>
      readCertificate(certificate({ times: [element(0x17, ascii(from)), element(0x18, ascii(to))] }));
    const early = times("500101000000Z", "20500101000000Z");
    assert.equal(new Date(early.notBefore).getUTCFullYear(), 1950);
    assert.equal(new Date(early.notAfter).getUTCFullYear(), 2050);
    assert.equal(new Date(times("491231235959Z", "99991231235959Z").notBefore).getUTCFullYear(), 2049);
  });

  it("refuses times of other forms", () => {
    for (const text of ["2601010000Z", "260101000000+0000", "261301000000Z", ""]) {
      refused(certificate({ times: [element(0x17, ascii(text)), element(0x17, ascii("270101000000Z"))] }), /ime/);
    }
  });

  it("takes the last common name, in every type of text", () => {
    const part = (identifier: number, content: readonly number[]) =>
      element(0x31, sequence(oid(0x55, 4, 3), element(identifier, content)));
    const nameOf = (...parts: readonly Uint8Array[]) =>
      readCertificate(certificate({ subject: sequence(...parts) })).subjectCommonName;
    assert.equal(nameOf(part(0x0c, [0x61]), part(0x0c, [0x62])), "b");
    assert.equal(nameOf(part(0x13, [0x61])), "a");
    assert.equal(nameOf(part(0x1e, [0, 0x61])), "a");
    assert.equal(nameOf(part(0x1c, [0, 0, 0, 0x61])), "a");
    assert.equal(nameOf(part(0x0c, [0xff])), "\u{fffd}");
    assert.equal(nameOf(part(0x0c, [])), "");
    assert.equal(nameOf(), undefined);
    refused(certificate({ subject: sequence(part(0x1e, [0x61])) }), /cut short/);
    refused(certificate({ subject: sequence(part(0x02, [0x61])) }), /not a text/);
  });

  it("refuses an extension that comes twice, and versions there are none of", () => {
    const one = extension(1);
    refused(certificate({ extensions: Uint8Array.from([...one, ...one]) }), /twice/);
    refused(certificate({ version: 3 }), /version 4/);
    assert.equal(readCertificate(certificate({ version: 1 })).version, 2);
  });

  it(`reads ${EXTENSIONS_MAX} extensions and no more`, () => {
    const many = (count: number) =>
      certificate({ extensions: Uint8Array.from(Array.from({ length: count }, (_, at) => [...extension(at)]).flat()) });
    assert.equal(readCertificate(many(EXTENSIONS_MAX)).extensions.size, EXTENSIONS_MAX);
    refused(many(EXTENSIONS_MAX + 1), /More than/);
  });

  it(`reads ${NAME_PARTS_MAX} parts of a name and no more`, () => {
    const part = element(0x31, sequence(oid(0x55, 4, 3), element(0x0c, [0x61])));
    const many = (count: number) => certificate({ subject: sequence(...new Array<Uint8Array>(count).fill(part)) });
    readCertificate(many(NAME_PARTS_MAX));
    refused(many(NAME_PARTS_MAX + 1), /Name of more than/);
  });

  it(`reads object identifiers of ${OID_BYTES_MAX} bytes and no longer ones`, () => {
    const long = (length: number) =>
      certificate({
        extensions: sequence(oid(...new Array<number>(length).fill(1)), element(4, [])),
      });
    readCertificate(long(OID_BYTES_MAX));
    refused(long(OID_BYTES_MAX + 1), /OBJECT IDENTIFIER longer/);
  });

  it("reads the largest certificate and refuses one byte more", () => {
    const small = certificate();
    const padded = (total: number) => {
      // Everything but the signature, and the headers of the two elements that grow.
      const signed = small.subarray(2, small.length - 5);
      const room = total - 5 - signed.length - 5 - 1;
      const der = new Uint8Array(total);
      der.set([0x30, 0x83, ((total - 5) >> 16) & 255, ((total - 5) >> 8) & 255, (total - 5) & 255]);
      der.set(signed, 5);
      der.set([0x03, 0x83, (room + 1) >> 16, ((room + 1) >> 8) & 255, (room + 1) & 255], 5 + signed.length);
      return der;
    };
    const largest = padded(CERTIFICATE_BYTES_MAX);
    assert.equal(largest.length, CERTIFICATE_BYTES_MAX);
    assert.ok(readCertificate(largest).signature.length > CERTIFICATE_BYTES_MAX - 200);
    refused(new Uint8Array(CERTIFICATE_BYTES_MAX + 1), /more than/);
  });
});

/** A generator of 32-bit numbers, always the same for a seed. */
function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 8;
  };
}

describe("damaged certificates", () => {
  it("only ever give the error of the reader", () => {
    const originals = ["ed25519/leaf-create-synthetic-by-tenant.pem", "p256/sub.pem", "rsa2048/server.pem"].flatMap(
      read,
    );
    const next = numbers(42);
    let refusals = 0;
    const rounds = 24_000;
    for (let round = 0; round < rounds; round++) {
      const original = originals[round % originals.length];
      assert.ok(original);
      const der = original.slice(0, next() % 8 === 0 ? next() % original.length : original.length);
      for (let count = next() % 4; count >= 0 && der.length > 0; count--) der[next() % der.length] = next() & 255;
      try {
        readCertificate(der);
      } catch (error) {
        if (!(error instanceof CertificateError)) throw error;
        refusals++;
      }
      try {
        interpretChain([der]);
      } catch (error) {
        if (!(error instanceof ChainError)) throw error;
      }
    }
    assert.ok(refusals > rounds / 20, `${refusals}`);
  });
});
