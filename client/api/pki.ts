/**
 * What the operations of an authority have in common.
 *
 * @module
 */
import { NameError } from "../../core/name.ts";
import { CertificateError } from "../../pki/certificate.ts";
import { CrlError } from "../../pki/crl.ts";
import { IssueError, type Issuer, readIssuer } from "../../pki/issuer.ts";
import { DEFAULT_KEY_TYPE, type KeyType } from "../../pki/key-type.ts";
import { encodePrivateKey, generateKey, KeyError, type PrivateKey, readPrivateKey } from "../../pki/keys.ts";
import { PemError } from "../../pki/pem.ts";
import { RequestError } from "../../pki/request.ts";
import type { RandomBytes } from "../../pki/serial.ts";
import { webCrypto } from "../../pki/web-crypto.ts";
import { InputError } from "../errors.ts";
import { pemOf } from "./remote-transport.ts";

/** Seconds of a day: validities are given in days. */
export const DAY_SECONDS = 86_400;

/** Bytes nobody can predict. */
export const random: RandomBytes = (length) => webCrypto.getRandomValues(new Uint8Array(length));

/** Turns what is wrong with certificates, keys and requests into the error of this library. */
export async function certifying<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const known =
      cause instanceof CertificateError ||
      cause instanceof CrlError ||
      cause instanceof IssueError ||
      cause instanceof KeyError ||
      cause instanceof NameError ||
      cause instanceof PemError ||
      cause instanceof RequestError;
    throw known ? new InputError("certificate", cause.message, { cause }) : cause;
  }
}

/** A given key, or a new one. */
export async function keyOf(given: string | undefined, type: KeyType = DEFAULT_KEY_TYPE): Promise<PrivateKey> {
  return given === undefined ? await generateKey(type) : await readPrivateKey(await pemOf(given));
}

/** An authority from the certificates and the key of the options. @throws {InputError} `file`, and what {@link certifying} turns */
export async function issuerOf({ ca, caKey }: { readonly ca: string; readonly caKey: string }): Promise<Issuer> {
  return await readIssuer(await pemOf(ca), await pemOf(caKey));
}

/** A key as PEM. */
export const keyPem = encodePrivateKey;
