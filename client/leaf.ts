/**
 * Credentials for a remote command: a leaf made on the fly, or a stored one (pki.md 10).
 *
 * @module
 */

import type { Name } from "../core/name.ts";
import type { Command } from "../core/wire/message.ts";
import { CertificateError, readCertificate } from "../pki/certificate.ts";
import { IssueError } from "../pki/issuer.ts";
import type { KeyType } from "../pki/key-type.ts";
import { isKeyOf, KeyError, readPrivateKey } from "../pki/keys.ts";
import { issueLeaf, issueRevocationLeaf, type LeafOptions } from "../pki/leaf.ts";
import { decodePem, PemError } from "../pki/pem.ts";
import type { RevocationOrder } from "../pki/revocation-extension.ts";
import { ChainValidationError, verifyChainLocally } from "../pki/validate.ts";
import { webCrypto } from "../pki/web-crypto.ts";
import { ChainError, LeafError } from "./errors.ts";
import type { Credentials } from "./tls-connection.ts";

/** Who signs. */
export interface Signer {
  /** The certificate of the signing authority, then those above it: PEM. */
  readonly chainPem: string;
  /** Its key: PKCS#8, PEM. */
  readonly keyPem: string;
  /** The kind of the leaf's own key; Ed25519 unless given. */
  readonly keyType?: KeyType | undefined;
}

/** A fresh leaf. */
export interface LeafCredentials extends Credentials {
  /** All certificates of the signer, PEM. */
  readonly issuerPem: string;
}

/**
 * Makes a leaf for one command, valid for five minutes.
 *
 * @throws {LeafError} `couldn't generate certificate chain: …`, in the original's words, e.g. because the command exceeds
 * the signer's policy
 */
export async function signCommand(signer: Signer, name: Name, command: Command): Promise<LeafCredentials> {
  return await signed(() => issueLeaf({ ...leafOptions(signer), name, command }));
}

/**
 * Makes a leaf that brings a revocation list to the endpoint.
 *
 * @throws {LeafError} as {@link signCommand}
 */
export async function signRevocation(signer: Signer, order: RevocationOrder): Promise<LeafCredentials> {
  return await signed(() => issueRevocationLeaf({ ...leafOptions(signer), ...order }));
}

function leafOptions({ chainPem, keyPem, keyType }: Signer): LeafOptions {
  return {
    issuerChain: chainPem,
    issuerKey: keyPem,
    keyType,
    now: Date.now(),
    random: (length) => webCrypto.getRandomValues(new Uint8Array(length)),
  };
}

async function signed<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asLeafError(error, "couldn't generate certificate chain: ");
  }
}

/**
 * Credentials of a stored chain and its key.
 *
 * @param chainPem the leaf, then its issuers upwards
 * @throws {LeafError} if they are broken, or do not belong together
 */
export async function storedCredentials(chainPem: string, keyPem: string): Promise<Credentials> {
  try {
    const chainDer = decodePem(chainPem, "CERTIFICATE");
    const [leaf] = chainDer;
    if (leaf === undefined) throw new PemError("There is no CERTIFICATE");
    const matching = isKeyOf(await readPrivateKey(keyPem), readCertificate(leaf));
    if (!matching) throw new IssueError("Public key of certificate doesn't match private key");
    return { chainDer, chainPem, keyPem };
  } catch (error) {
    throw asLeafError(error, "");
  }
}

/**
 * Makes sure that a server with these trust anchors can accept a chain.
 *
 * @param trustAnchors PEM
 * @throws {ChainError} `TLS validation error of provided certificate chain: …`
 * @throws {LeafError} if the anchors cannot be read
 */
export async function validateCredentials(credentials: Credentials, trustAnchors: string): Promise<void> {
  try {
    await verifyChainLocally(credentials.chainDer, decodePem(trustAnchors, "CERTIFICATE"), Date.now());
  } catch (error) {
    if (!(error instanceof ChainValidationError)) throw asLeafError(error, "");
    throw new ChainError(error.message, error.detail, { cause: error });
  }
}

function asLeafError(error: unknown, lead: string): unknown {
  const known =
    error instanceof IssueError ||
    error instanceof PemError ||
    error instanceof CertificateError ||
    error instanceof KeyError;
  return known ? new LeafError(`${lead}${error.message}`, { cause: error }) : error;
}
