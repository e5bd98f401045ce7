/**
 * Keys, certificates and requests as files (pki.md 12).
 *
 * @module
 */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { readLimited } from "../client/limited-file.ts";
import { CertificateError } from "../pki/certificate.ts";
import { CrlError } from "../pki/crl.ts";
import { IssueError } from "../pki/issuer.ts";
import type { KeyType } from "../pki/key-type.ts";
import { encodePrivateKey, generateKey, KeyError, type PrivateKey, readPrivateKey } from "../pki/keys.ts";
import { PEM_CHARACTERS_MAX, PemError } from "../pki/pem.ts";
import { RequestError } from "../pki/request.ts";
import type { RandomBytes } from "../pki/serial.ts";
import { webCrypto } from "../pki/web-crypto.ts";
import { alone } from "./file-lock.ts";
import { replaceFile } from "./replace-file.ts";
import { UsageError } from "./usage-error.ts";

/** Only its owner may read a key, and nobody write it. */
export const KEY_MODE = 0o400;
/** Certificates and requests are public. */
export const PUBLIC_MODE = 0o644;

/** The longest common name that becomes the name of a file, in characters. */
const FILE_NAME_MAX = 200;

/** What is wrong with a file of certificates, keys or requests, or with what shall be signed. */
export class PkiFileError extends Error {
  override readonly name = "PkiFileError";
}

/** Bytes nobody can predict. */
export const random: RandomBytes = (length) => webCrypto.getRandomValues(new Uint8Array(length));

/**
 * Reads a file of PEM or DER.
 *
 * @throws {PkiFileError} `FILE: No such file or directory` and the like
 */
export function readBytes(path: string): Uint8Array {
  try {
    return readLimited(path, PEM_CHARACTERS_MAX);
  } catch (cause) {
    const missing = (cause as { code?: unknown }).code === "ENOENT";
    throw new PkiFileError(missing ? `${path}: No such file or directory` : `${path}: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** As {@link readBytes}, as text. */
export function readTextFile(path: string): string {
  return new TextDecoder().decode(readBytes(path));
}

/**
 * The key in a file; if there is none, a new one is made and written there.
 *
 * @throws {PkiFileError} if the file is no key
 * @throws {UsageError} if the file cannot be written
 */
export async function keyOfFile(path: string, type: KeyType): Promise<PrivateKey> {
  if (!existsSync(path)) {
    const text = await encodePrivateKey(await generateKey(type));
    // Another call may have made one meanwhile, and perhaps a certificate for it.
    await alone(dirname(path), () => existsSync(path) || replaceFile(path, text, KEY_MODE));
  }
  return await naming(path, () => readPrivateKey(readTextFile(path)));
}

/** Puts the name of a file before what is wrong in it. */
export async function naming<T>(path: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!isPkiError(cause) || cause instanceof PkiFileError) throw cause;
    throw new PkiFileError(`${path}: ${cause.message}`, { cause });
  }
}

/** Whether an error is about a certificate, key, request or list, and not a fault of this program. */
export function isPkiError(error: unknown): error is Error {
  return (
    error instanceof PkiFileError ||
    error instanceof PemError ||
    error instanceof KeyError ||
    error instanceof CertificateError ||
    error instanceof IssueError ||
    error instanceof CrlError ||
    error instanceof RequestError
  );
}

/**
 * The name of the files for a common name: itself, or `otherwise` where it says nothing.
 *
 * @throws {PkiFileError} if a file of that name would lie elsewhere
 */
export function fileName(commonName: string, otherwise: string): string {
  const name = commonName === "." || commonName === ":" || commonName === "" ? otherwise : commonName;
  // No check for `..` is needed: a suffix always follows.
  if (/[/\\\p{Cc}]/u.test(name) || name.length > FILE_NAME_MAX) {
    throw new PkiFileError(`Cannot name a file after the common name ${JSON.stringify(name)}`);
  }
  return name;
}

/** Turns errors about keys and certificates into usage errors, with exit status 124. */
export function asUsageError(error: unknown): unknown {
  return isPkiError(error) ? new UsageError(error.message, { cause: error }) : error;
}
