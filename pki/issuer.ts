/**
 * Who signs: a CA's certificate, those above it, and its key (pki.md 10 and 11).
 *
 * @module
 */
import type { Policy } from "../core/policy.ts";
import { fitsPolicy, isSmaller, usable } from "../core/policy-check.ts";
import { printCommand } from "../core/print/command.ts";
import { DecodeError } from "../core/wire/decode-error.ts";
import type { Command } from "../core/wire/message.ts";
import { type Certificate, isSelfIssued, readCertificate } from "./certificate.ts";
import { readCommand } from "./command-extension.ts";
import { isKeyOf, keyIdentifier, type PrivateKey, readPrivateKey } from "./keys.ts";
import * as oids from "./oids.ts";
import { decodePem, PemError } from "./pem.ts";

/** Something that is not signed. `message` is the original's wording where it has one. */
export class IssueError extends Error {
  override readonly name = "IssueError";
}

/** A CA that can sign. */
export interface Issuer {
  readonly certificate: Certificate;
  /** What else was in the file: the CA's own issuers upwards. */
  readonly above: readonly Certificate[];
  readonly key: PrivateKey;
}

/**
 * Reads an issuer.
 *
 * @param chain PEM text or DER certificates: the CA first, then the certificates above it
 * @param keyPem its private key
 * @throws {IssueError} if there is no certificate, or the key is another one
 * @throws {PemError}
 * @throws {CertificateError}
 * @throws {KeyError}
 */
export async function readIssuer(chain: string | readonly Uint8Array[], keyPem: string): Promise<Issuer> {
  const key = await readPrivateKey(keyPem);
  const [certificate, ...above] = readChain(chain);
  if (certificate === undefined) throw new PemError("There is no CERTIFICATE of the issuer");
  if (!isKeyOf(key, certificate)) throw new IssueError("Public key of certificate doesn't match private key");
  return { certificate, above, key };
}

function readChain(chain: string | readonly Uint8Array[]): readonly Certificate[] {
  return (typeof chain === "string" ? decodePem(chain, "CERTIFICATE") : chain).map(readCertificate);
}

/** The certificates that go with everything the issuer signs: itself and those above it, but no root. */
export function intermediatesOf(issuer: Issuer): readonly Uint8Array[] {
  return [issuer.certificate, ...issuer.above].filter((each) => !isSelfIssued(each)).map(({ der }) => der);
}

/**
 * The policies that bind an issuer, its own first.
 *
 * @throws {IssueError} if a certificate carries anything else than a policy, which no CA's may
 */
export function policiesOf(issuer: Issuer): readonly Policy[] {
  const policies: Policy[] = [];
  for (const { extensions } of [issuer.certificate, ...issuer.above]) {
    const extension = extensions.get(oids.ALBATROSS);
    if (extension === undefined) continue;
    const command = decoded(extension.value);
    if (command.kind !== "policy-add") {
      const text = printCommand(command, { verbose: false, columns: Number.POSITIVE_INFINITY, boxed: true });
      throw new IssueError(`unexpected wire ${text}`);
    }
    policies.push(command.policy);
  }
  return policies;
}

function decoded(value: Uint8Array): Command {
  try {
    return readCommand(value);
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause;
    throw new IssueError(cause.message, { cause });
  }
}

/**
 * Checks that a command fits what the issuer itself may do.
 *
 * @throws {IssueError} in the original's words
 */
export function checkFits(issuer: Issuer, command: Command): void {
  const policies = policiesOf(issuer);
  const verdicts =
    command.kind === "policy-add"
      ? [usable(command.policy), ...policies.map((above) => isSmaller(above, command.policy))]
      : command.kind === "unikernel-create" || command.kind === "unikernel-force-create"
        ? policies.map((above) => fitsPolicy(above, command.config))
        : [];
  const refusal = verdicts.find((verdict) => verdict !== undefined);
  if (refusal !== undefined) throw new IssueError(refusal);
}

/** Bytes of an identifier that is taken from a certificate; longer ones are replaced by the usual one. */
const IDENTIFIER_MAX = 64;

/** The issuer's key identifier: the one in its certificate, so that the two agree, or the usual one. */
export async function issuerKeyIdentifier(issuer: Issuer): Promise<Uint8Array> {
  const own = issuer.certificate.extensions.get(oids.SUBJECT_KEY_IDENTIFIER)?.value;
  if (own !== undefined && own.length > 2 && own[1] === own.length - 2 && own.length - 2 <= IDENTIFIER_MAX) {
    return own.subarray(2);
  }
  return await keyIdentifier(issuer.key.publicKeyInfo);
}
