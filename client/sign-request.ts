/**
 * Signs requests for certificates, after everything about them was checked (pki.md 11).
 *
 * @module
 */
import { parseLabel } from "../core/name.ts";
import type { Command } from "../core/wire/message.ts";
import { type Issued, type IssueOptions, issueCommand, issueDelegation, issueServer, VALIDITY } from "../pki/issue.ts";
import { IssueError, type Issuer, intermediatesOf } from "../pki/issuer.ts";
import { encodePem } from "../pki/pem.ts";
import type { CertificateRequest } from "../pki/request.ts";
import { type Signable, subCommandOf } from "./signable.ts";

/** A signed request. */
export interface SignedRequest extends Issued {
  /** The certificate, then those of its issuers upwards but for the root: PEM. */
  readonly chainPem: string;
}

/**
 * Makes sure that a request may be signed, and that the certificate will be of use.
 *
 * @param allowed what may be signed; everything if it is empty
 * @returns its common name
 * @throws {NameError} in the original's words, if no endpoint takes its common name
 * @throws {IssueError}
 */
export function checkRequest({ commonName, wanted }: CertificateRequest, allowed: readonly Signable[]): string {
  if (commonName === undefined) throw new IssueError("couldn't find name (no common name in CSR subject)");
  const bare = commonName === "." || commonName === ":";
  if (wanted !== undefined && (wanted.command.kind === "policy-add" || !bare)) parseLabel(commonName);
  const word = wanted === undefined ? "server" : subCommandOf(wanted.command);
  if (allowed.length > 0 && (word === undefined || !allowed.includes(word))) {
    const what = word ?? wanted?.command.kind;
    throw new IssueError(`the request is for ${what}, but only ${allowed.join(", ")} may be signed`);
  }
  return commonName;
}

/**
 * Signs a request: as the certificate of an endpoint, a delegation or a command, whatever it asks for.
 *
 * @param commonName what {@link checkRequest} has found
 * @param options the validity is the usual one of the kind unless given
 * @throws {IssueError} if it exceeds what the issuer may do
 */
export async function signRequest(
  issuer: Issuer,
  { publicKeyInfo, wanted }: CertificateRequest,
  commonName: string,
  options: Omit<IssueOptions, "validitySeconds"> & { readonly validitySeconds: number | undefined },
): Promise<SignedRequest> {
  const issued = await issueWanted(issuer, wanted?.command, (usual) => ({
    ...options,
    commonName,
    publicKeyInfo,
    validitySeconds: options.validitySeconds ?? usual,
  }));
  const chain = [issued.der, ...intermediatesOf(issuer)];
  return { ...issued, chainPem: chain.map((der) => encodePem("CERTIFICATE", der)).join("") };
}

async function issueWanted(
  issuer: Issuer,
  command: Command | undefined,
  subject: (usualSeconds: number) => Parameters<typeof issueServer>[1],
): Promise<Issued> {
  if (command === undefined) return await issueServer(issuer, subject(VALIDITY.server));
  if (command.kind === "policy-add") return await issueDelegation(issuer, subject(VALIDITY.delegation), command.policy);
  return await issueCommand(issuer, subject(VALIDITY.command), command);
}
