/**
 * Keys and signatures: object identifiers on one side, Web Crypto on the other (pki.md 3).
 *
 * Signatures are SHA-2 only, in both directions.
 *
 * @module
 */
import { DecodeError } from "../core/wire/decode-error.ts";
import { Reader } from "../core/wire/der-reader.ts";
import { Writer } from "../core/wire/der-writer.ts";
import { INTEGER, OBJECT_IDENTIFIER, readOid, SEQUENCE, writeOid } from "./der.ts";
import type { KeyType } from "./key-type.ts";

type Hash = "SHA-256" | "SHA-384" | "SHA-512";
type Curve = "P-256" | "P-384" | "P-521";

/** What a key is, as its SubjectPublicKeyInfo or PKCS#8 says. */
export type KeyAlgorithm =
  | { readonly name: "Ed25519" }
  | { readonly name: "ECDSA"; readonly namedCurve: Curve }
  | { readonly name: "RSASSA-PKCS1-v1_5" };

/** How something is signed. */
export type SignatureAlgorithm =
  | { readonly name: "Ed25519" }
  | { readonly name: "ECDSA" | "RSASSA-PKCS1-v1_5"; readonly hash: Hash };

const ED25519 = "1.3.101.112";
const EC_PUBLIC_KEY = "1.2.840.10045.2.1";
const RSA = "1.2.840.113549.1.1.1";

const curves: Readonly<Record<string, Curve>> = {
  "1.2.840.10045.3.1.7": "P-256",
  "1.3.132.0.34": "P-384",
  "1.3.132.0.35": "P-521",
};

/** Bytes of each half of a signature. */
const curveBytes: Readonly<Record<Curve, number>> = { "P-256": 32, "P-384": 48, "P-521": 66 };

const curveHash: Readonly<Record<Curve, Hash>> = { "P-256": "SHA-256", "P-384": "SHA-384", "P-521": "SHA-512" };

const signatures: Readonly<Record<string, SignatureAlgorithm>> = {
  [ED25519]: { name: "Ed25519" },
  "1.2.840.10045.4.3.2": { name: "ECDSA", hash: "SHA-256" },
  "1.2.840.10045.4.3.3": { name: "ECDSA", hash: "SHA-384" },
  "1.2.840.10045.4.3.4": { name: "ECDSA", hash: "SHA-512" },
  "1.2.840.113549.1.1.11": { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
  "1.2.840.113549.1.1.12": { name: "RSASSA-PKCS1-v1_5", hash: "SHA-384" },
  "1.2.840.113549.1.1.13": { name: "RSASSA-PKCS1-v1_5", hash: "SHA-512" },
};

/**
 * Reads the AlgorithmIdentifier of a key.
 *
 * @throws {DecodeError} if it is of a kind that is not supported
 */
export function readKeyAlgorithm(reader: Reader): KeyAlgorithm {
  const outer = reader.enter(SEQUENCE);
  const oid = readOid(reader);
  // Ed25519 has no parameters, RSA has NULL, elliptic curves name the curve.
  const parameter = reader.peek() === OBJECT_IDENTIFIER ? readOid(reader) : undefined;
  if (oid === RSA && reader.more) reader.octets(0x05);
  reader.leave(outer);
  if (oid === ED25519) return { name: "Ed25519" };
  if (oid === RSA) return { name: "RSASSA-PKCS1-v1_5" };
  const namedCurve = oid === EC_PUBLIC_KEY && parameter !== undefined ? curves[parameter] : undefined;
  if (namedCurve === undefined) throw new DecodeError(`Key of an unsupported kind: ${oid} ${parameter ?? ""}`.trim());
  return { name: "ECDSA", namedCurve };
}

/**
 * Reads the AlgorithmIdentifier of a signature.
 *
 * @throws {DecodeError} if it is none of those with SHA-2
 */
export function readSignatureAlgorithm(der: Uint8Array): SignatureAlgorithm {
  const reader = new Reader(der);
  const outer = reader.enter(SEQUENCE);
  const oid = readOid(reader);
  if (reader.more) reader.octets(0x05);
  reader.leave(outer);
  reader.finish();
  const found = signatures[oid];
  if (found === undefined) throw new DecodeError(`Signature of an unsupported kind: ${oid}`);
  return found;
}

/** How a key signs: with the hash of its size. */
export function signatureOf(key: KeyAlgorithm): SignatureAlgorithm {
  if (key.name === "Ed25519") return { name: "Ed25519" };
  return { name: key.name, hash: key.name === "ECDSA" ? curveHash[key.namedCurve] : "SHA-256" };
}

/** The AlgorithmIdentifier of a signature. */
export function encodeSignatureAlgorithm(algorithm: SignatureAlgorithm): Uint8Array<ArrayBuffer> {
  const entry = Object.entries(signatures).find(
    ([, each]) => each.name === algorithm.name && ("hash" in each ? each.hash : "") === hashOf(algorithm),
  );
  const writer = new Writer(24);
  if (algorithm.name === "RSASSA-PKCS1-v1_5") {
    writer.byte(0);
    writer.byte(0x05);
  }
  writeOid(writer, entry?.[0] ?? ED25519);
  writer.header(SEQUENCE, 0);
  return writer.finish();
}

function hashOf(algorithm: SignatureAlgorithm): Hash | "" {
  return "hash" in algorithm ? algorithm.hash : "";
}

/** Web Crypto's parameters to import a key for signatures of a kind. */
export function importParameters(key: KeyAlgorithm, hash: Hash = "SHA-256"): Parameters<SubtleCrypto["importKey"]>[2] {
  return key.name === "RSASSA-PKCS1-v1_5" ? { name: key.name, hash } : key;
}

/** Web Crypto's parameters to make a key. */
export function generateParameters(type: KeyType): {
  readonly name: string;
  readonly namedCurve?: string;
  readonly modulusLength?: number;
  readonly publicExponent?: Uint8Array<ArrayBuffer>;
  readonly hash?: Hash;
} {
  switch (type) {
    case "ed25519":
      return { name: "Ed25519" };
    case "p256":
      return { name: "ECDSA", namedCurve: "P-256" };
    case "p384":
      return { name: "ECDSA", namedCurve: "P-384" };
    case "p521":
      return { name: "ECDSA", namedCurve: "P-521" };
    case "rsa2048":
    case "rsa4096":
      return {
        name: "RSASSA-PKCS1-v1_5",
        modulusLength: type === "rsa2048" ? 2048 : 4096,
        publicExponent: Uint8Array.of(1, 0, 1),
        hash: "SHA-256",
      };
  }
}

/** A signature of Web Crypto in the form of certificates: that of a curve becomes a SEQUENCE of two INTEGERs. */
export function toDerSignature(key: KeyAlgorithm, raw: Uint8Array): Uint8Array {
  if (key.name !== "ECDSA") return raw;
  const half = raw.length / 2;
  const writer = new Writer(raw.length + 16);
  for (const part of [raw.subarray(half), raw.subarray(0, half)]) {
    const mark = writer.size;
    let from = 0;
    while (from < part.length - 1 && part[from] === 0) from++;
    writer.bytes(part.subarray(from));
    if ((part[from] ?? 0) >= 0x80) writer.byte(0);
    writer.header(INTEGER, mark);
  }
  writer.header(SEQUENCE, 0);
  return writer.finish();
}

/**
 * The opposite of {@link toDerSignature}.
 *
 * @throws {DecodeError}
 */
export function fromDerSignature(key: KeyAlgorithm, der: Uint8Array): Uint8Array<ArrayBuffer> {
  if (key.name !== "ECDSA") return der.slice();
  const width = curveBytes[key.namedCurve];
  const raw = new Uint8Array(2 * width);
  const reader = new Reader(der);
  const outer = reader.enter(SEQUENCE);
  for (const end of [width, 2 * width]) {
    const part = reader.octets(INTEGER);
    const digits = part[0] === 0 ? part.subarray(1) : part;
    if (digits.length > width) throw new DecodeError("Signature: number too large");
    raw.set(digits, end - digits.length);
  }
  reader.leave(outer);
  reader.finish();
  return raw;
}
