/**
 * Certificate requests: made by whoever wants a command or a delegation signed, read by who signs (pki.md 11).
 *
 * The only part of this folder that stands on @peculiar/x509: requests are rare, and loading the library takes longer
 * than making one.
 *
 * @module
 */
import type { Name as LibraryName } from "@peculiar/x509";
import type { Int } from "../core/int.ts";
import { DecodeError } from "../core/wire/decode-error.ts";
import { Reader } from "../core/wire/der-reader.ts";
import { decodeExtensionOfAnyVersion, encodeExtension } from "../core/wire/extension.ts";
import type { Command } from "../core/wire/message.ts";
import { signatureOf } from "./algorithms.ts";
import { CERTIFICATE_BYTES_MAX } from "./certificate.ts";
import { readElement, SEQUENCE } from "./der.ts";
import { encodeCommonName, readName } from "./distinguished-name.ts";
import { importPublicKey, isSignedBy, keyAlgorithm, type PrivateKey } from "./keys.ts";
import { ALBATROSS } from "./oids.ts";
import { decodeOnePem, encodePem } from "./pem.ts";

/**
 * Loads the library. It needs the polyfill before it, and a bundler keeps the order of such imports only if one waits for
 * the other.
 */
async function loadLibrary() {
  await import("reflect-metadata");
  return await import("@peculiar/x509");
}

/** A request that cannot be read, or whose signature is wrong. */
export class RequestError extends Error {
  override readonly name = "RequestError";
}

/** What a request asks for. */
export interface CertificateRequest {
  /** The last common name. */
  readonly commonName: string | undefined;
  /** For people: `/CN=user`. */
  readonly subject: string;
  /** The whole SubjectPublicKeyInfo. */
  readonly publicKeyInfo: Uint8Array;
  /** The command and the protocol version it was written in; `undefined` if there is none. */
  readonly wanted: { readonly version: Int; readonly command: Command } | undefined;
}

/**
 * Makes a request for a command. The command is all that it asks for: the signer adds the rest.
 *
 * @returns PEM
 */
export async function makeRequest(commonName: string, command: Command, key: PrivateKey): Promise<string> {
  const { Extension, Name, Pkcs10CertificateRequestGenerator } = await loadLibrary();
  const publicKey = await importPublicKey(key.publicKeyInfo);
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: new Name(encodeCommonName(commonName)),
    keys: { privateKey: key.key, publicKey },
    signingAlgorithm: signatureOf(key.algorithm),
    extensions: [new Extension(ALBATROSS, false, encodeExtension(command))],
  });
  return encodePem("CERTIFICATE REQUEST", new Uint8Array(request.rawData));
}

/**
 * Reads a request and verifies its signature.
 *
 * @param pem a text with one block `CERTIFICATE REQUEST`
 * @throws {PemError}
 * @throws {RequestError} if it is broken, too large, or not signed by its own key with SHA-2
 */
export async function readRequest(pem: string): Promise<CertificateRequest> {
  const der = decodeOnePem(pem, "CERTIFICATE REQUEST");
  if (der.length > CERTIFICATE_BYTES_MAX) {
    throw new RequestError(`Cannot read a request of more than ${CERTIFICATE_BYTES_MAX} bytes`);
  }
  const { publicKeyInfo, name, subject, extension } = parse(der, await loadLibrary());
  try {
    keyAlgorithm(publicKeyInfo); // says so if it is none that can be used
    if (!(await isSignedBy(signedParts(der), publicKeyInfo))) {
      throw new RequestError("The signature of the request is wrong: it must be made with its own key, and with SHA-2");
    }
    const { commonName } = readName(new Reader(name));
    const wanted = extension === undefined ? undefined : decodeExtensionOfAnyVersion(extension);
    return { commonName, subject, publicKeyInfo, wanted };
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw new RequestError(`Cannot read the request: ${cause.message}`, { cause });
  }
}

/** The parts of a request. The library reads them when they are asked for, and fails in many ways if they are broken. */
function parse(
  der: Uint8Array<ArrayBuffer>,
  { ExtensionsAttribute, Pkcs10CertificateRequest }: Awaited<ReturnType<typeof loadLibrary>>,
): {
  readonly publicKeyInfo: Uint8Array;
  readonly name: Uint8Array;
  readonly subject: string;
  readonly extension: Uint8Array | undefined;
} {
  try {
    const request = new Pkcs10CertificateRequest(der);
    const extension = request.attributes
      .filter((attribute) => attribute instanceof ExtensionsAttribute)
      .flatMap(({ items }) => items)
      .find(({ type }) => type === ALBATROSS);
    return {
      publicKeyInfo: new Uint8Array(request.publicKey.rawData),
      name: new Uint8Array(request.subjectName.toArrayBuffer()),
      subject: describe(request.subjectName),
      extension: extension && new Uint8Array(extension.value),
    };
  } catch (cause) {
    throw new RequestError(`Cannot read the request: ${(cause as Error).message}`, { cause });
  }
}

/** What was signed, as it stands in the request. */
function signedParts(der: Uint8Array): Parameters<typeof isSignedBy>[0] {
  const reader = new Reader(der);
  const outer = reader.enter(SEQUENCE);
  const signedPart = readElement(reader);
  const signatureAlgorithm = readElement(reader);
  const signature = reader.octets(0x03).subarray(1);
  reader.leave(outer);
  reader.finish();
  return { signedPart, signatureAlgorithm, signature };
}

/** `/CN=user`, as the original prints subjects; but nothing in it moves the cursor of a terminal. */
function describe(name: LibraryName): string {
  return name
    .toJSON()
    .flatMap((part) => Object.entries(part).flatMap(([type, values]) => values.map((value) => `/${type}=${value}`)))
    .join("")
    .replaceAll(/\p{Cc}/gu, "\u{fffd}");
}
