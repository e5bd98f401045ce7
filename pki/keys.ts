/**
 * Keys: making, reading and writing them, signing and verifying (pki.md 3 and 12).
 *
 * Private keys are PKCS#8. All work is done by Web Crypto.
 *
 * @module
 */
import { DecodeError } from "../core/wire/decode-error.ts";
import { Reader } from "../core/wire/der-reader.ts";
import {
  fromDerSignature,
  generateParameters,
  importParameters,
  type KeyAlgorithm,
  readKeyAlgorithm,
  readSignatureAlgorithm,
  signatureOf,
  toDerSignature,
} from "./algorithms.ts";
import { INTEGER, readBits, SEQUENCE, sameBytes } from "./der.ts";
import type { KeyType } from "./key-type.ts";
import { decodeOnePem, encodePem } from "./pem.ts";
import { webCrypto } from "./web-crypto.ts";

/** The shortest RSA key whose signatures count, in bits (pki.md 6). */
export const RSA_BITS_MIN = 1024;

/** A key that cannot be read, or is of an unsupported kind. */
export class KeyError extends Error {
  override readonly name = "KeyError";
}

/** A private key with its public key. */
export interface PrivateKey {
  readonly algorithm: KeyAlgorithm;
  readonly key: CryptoKey;
  /** The whole SubjectPublicKeyInfo. */
  readonly publicKeyInfo: Uint8Array<ArrayBuffer>;
}

/** Makes a key. The chance comes from Web Crypto itself. */
export async function generateKey(type: KeyType): Promise<PrivateKey> {
  const pair = await webCrypto.subtle.generateKey(generateParameters(type), true, ["sign", "verify"]);
  if (!("privateKey" in pair)) throw new KeyError(`Cannot make a key of the kind ${type}: it has no two halves`);
  const publicKeyInfo = new Uint8Array(await webCrypto.subtle.exportKey("spki", pair.publicKey));
  return { algorithm: keyAlgorithm(publicKeyInfo), key: pair.privateKey, publicKeyInfo };
}

/** A private key as PEM, with a newline at its end. */
export async function encodePrivateKey(key: PrivateKey): Promise<string> {
  return encodePem("PRIVATE KEY", new Uint8Array(await webCrypto.subtle.exportKey("pkcs8", key.key)));
}

/**
 * Reads a private key.
 *
 * @param pem a text with one block `PRIVATE KEY`
 * @throws {PemError} if there is none
 * @throws {KeyError} if it is broken, or of a kind that is not supported
 */
export async function readPrivateKey(pem: string): Promise<PrivateKey> {
  const der = decodeOnePem(pem, "PRIVATE KEY");
  try {
    const algorithm = privateKeyAlgorithm(der);
    const key = await webCrypto.subtle.importKey("pkcs8", der, importParameters(algorithm), true, ["sign"]);
    // Web Crypto has no other way from a private key to its public half.
    const {
      d: _d,
      p: _p,
      q: _q,
      dp: _dp,
      dq: _dq,
      qi: _qi,
      key_ops: _ops,
      ...half
    } = await webCrypto.subtle.exportKey("jwk", key);
    const open = await webCrypto.subtle.importKey("jwk", half, importParameters(algorithm), true, ["verify"]);
    return { algorithm, key, publicKeyInfo: new Uint8Array(await webCrypto.subtle.exportKey("spki", open)) };
  } catch (cause) {
    if (cause instanceof KeyError) throw cause;
    throw new KeyError(`Cannot read the private key: ${(cause as Error).message || "it is broken"}`, { cause });
  }
}

function privateKeyAlgorithm(der: Uint8Array): KeyAlgorithm {
  const reader = new Reader(der);
  reader.enter(SEQUENCE);
  reader.int(INTEGER);
  return readKeyAlgorithm(reader);
}

/**
 * What kind of key a SubjectPublicKeyInfo holds.
 *
 * @throws {DecodeError}
 */
export function keyAlgorithm(publicKeyInfo: Uint8Array): KeyAlgorithm {
  const reader = new Reader(publicKeyInfo);
  reader.enter(SEQUENCE);
  return readKeyAlgorithm(reader);
}

/** Whether a private key belongs to a certificate or request. */
export function isKeyOf(key: PrivateKey, owner: { readonly publicKeyInfo: Uint8Array }): boolean {
  return sameBytes(publicKeyBits(key.publicKeyInfo), publicKeyBits(owner.publicKeyInfo));
}

/**
 * The content of the BIT STRING in a SubjectPublicKeyInfo.
 *
 * @throws {DecodeError}
 */
export function publicKeyBits(publicKeyInfo: Uint8Array): Uint8Array {
  const reader = new Reader(publicKeyInfo);
  const outer = reader.enter(SEQUENCE);
  reader.octets(SEQUENCE);
  const bits = readBits(reader);
  reader.leave(outer);
  return bits;
}

/** A public key for libraries that want one of Web Crypto. */
export async function importPublicKey(publicKeyInfo: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return await webCrypto.subtle.importKey("spki", publicKeyInfo, importParameters(keyAlgorithm(publicKeyInfo)), true, [
    "verify",
  ]);
}

/** The key identifier: SHA-1 of the key's bits. It names the key and protects nothing. */
export async function keyIdentifier(publicKeyInfo: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await webCrypto.subtle.digest("SHA-1", publicKeyBits(publicKeyInfo).slice()));
}

/** Signs, in the form of certificates. */
export async function sign(key: PrivateKey, bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const raw = await webCrypto.subtle.sign(signatureOf(key.algorithm), key.key, bytes);
  return toDerSignature(key.algorithm, new Uint8Array(raw));
}

/** Something signed: a certificate, a request or a revocation list. */
export interface Signed {
  readonly signedPart: Uint8Array;
  readonly signatureAlgorithm: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * Whether a signature is good: made by this key, with SHA-2, and for RSA with a key that is long enough. What cannot be
 * understood is no good signature.
 */
export async function isSignedBy(signed: Signed, publicKeyInfo: Uint8Array): Promise<boolean> {
  try {
    const algorithm = readSignatureAlgorithm(signed.signatureAlgorithm);
    const kind = keyAlgorithm(publicKeyInfo);
    if (kind.name !== algorithm.name) return false;
    const parameters = importParameters(kind, "hash" in algorithm ? algorithm.hash : undefined);
    const key = await webCrypto.subtle.importKey("spki", publicKeyInfo.slice(), parameters, false, ["verify"]);
    const { modulusLength } = key.algorithm as { readonly modulusLength?: number };
    if (modulusLength !== undefined && modulusLength < RSA_BITS_MIN) return false;
    const signature = fromDerSignature(kind, signed.signature);
    // Web Crypto takes views on ArrayBuffer only, and some runtimes copy anyway.
    return await webCrypto.subtle.verify(algorithm, key, signature, onArrayBuffer(signed.signedPart));
  } catch (error) {
    if (error instanceof DecodeError || error instanceof DOMException || error instanceof TypeError) return false;
    throw error;
  }
}

function onArrayBuffer(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes;
  return buffer instanceof ArrayBuffer ? new Uint8Array(buffer, bytes.byteOffset, bytes.length) : bytes.slice();
}
