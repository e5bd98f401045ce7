/**
 * Leaves made for one connection: a command with a fresh key, valid for five minutes (pki.md 10).
 *
 * @module
 */
import type { Name } from "../core/name.ts";
import type { Command } from "../core/wire/message.ts";
import { CERTIFICATE_BYTES_MAX } from "./certificate.ts";
import { type IssueOptions, issue, issueCommand, type Subject, VALIDITY } from "./issue.ts";
import { IssueError, type Issuer, intermediatesOf, readIssuer } from "./issuer.ts";
import { DEFAULT_KEY_TYPE, type KeyType } from "./key-type.ts";
import { encodePrivateKey, generateKey } from "./keys.ts";
import { REVOCATION } from "./oids.ts";
import { encodePem } from "./pem.ts";
import { encodeRevocation, type RevocationOrder } from "./revocation-extension.ts";

/** A chain with the key of its leaf, ready for TLS. */
export interface LeafChain {
  /** The leaf, then its issuers upwards; no root. */
  readonly chainDer: readonly Uint8Array[];
  /** The same as PEM. */
  readonly chainPem: string;
  /** The leaf's private key, PKCS#8 as PEM. */
  readonly keyPem: string;
  /** All certificates of the issuer file as PEM, the root too if it is there: what `--destination=-` shows. */
  readonly issuerPem: string;
}

/** Who signs a leaf, and with what. */
export interface LeafOptions
  extends Partial<Pick<IssueOptions, "validitySeconds">>,
    Omit<IssueOptions, "validitySeconds"> {
  /** The issuer first, then those above it: the content of `--ca`, or DER certificates. */
  readonly issuerChain: string | readonly Uint8Array[];
  /** The issuer's private key: the content of `--ca-key`. */
  readonly issuerKey: string;
  /** The kind of the leaf's own key; Ed25519 unless given. */
  readonly keyType?: KeyType | undefined;
}

/** Whether a command is about a policy: its name is a path. */
function isPolicyCommand(command: Command): boolean {
  return command.kind === "policy-info" || command.kind === "policy-add" || command.kind === "policy-remove";
}

/**
 * The common name of a leaf. The path of the name is implied by the chain, so a name must have none; commands about
 * policies take the whole path. A root has no text, so it is `.` for both (the original leaves it empty for policies,
 * and its endpoint refuses that).
 *
 * @throws {IssueError} `non-empty path`
 */
export function leafCommonName(name: Name, command: Command): string {
  if (isPolicyCommand(command)) return name.key === "" ? "." : name.key;
  if (name.path.length > 0) throw new IssueError("non-empty path");
  return name.label ?? ".";
}

/**
 * Signs a command for one connection: makes a key and a leaf that is valid from ten seconds ago for `validitySeconds`
 * (300 unless given), but not longer than its issuer.
 *
 * To be validated with `verifyChainLocally` before it is used.
 *
 * @throws {IssueError} in the original's words: `non-empty path`, `Public key of certificate doesn't match private key`,
 * `certificate too big for TLS`, or why the command exceeds the issuer's policy; also if the issuer is no CA or expired
 * @throws {PemError}
 * @throws {CertificateError}
 * @throws {KeyError}
 */
export async function issueLeaf(options: LeafOptions & { name: Name; command: Command }): Promise<LeafChain> {
  const commonName = leafCommonName(options.name, options.command);
  return await makeLeaf(options, commonName, VALIDITY.oneShot, async (issuer, subject) => {
    return (await issueCommand(issuer, subject, options.command)).der;
  });
}

/** The common name of a leaf that brings a revocation list. */
const REVOCATION_NAME = "revoke";

/**
 * Signs a leaf that brings a revocation list to the endpoint. The signer must be the CA whose list it is, or the
 * endpoint refuses it.
 *
 * @throws as {@link issueLeaf}
 */
export async function issueRevocationLeaf(options: LeafOptions & RevocationOrder): Promise<LeafChain> {
  const value = encodeRevocation({ crl: options.crl, destroy: options.destroy });
  return await makeLeaf(options, REVOCATION_NAME, VALIDITY.oneShot, async (issuer, subject) => {
    return (await issue(issuer, subject, "client", [{ oid: REVOCATION, critical: false, value }])).der;
  });
}

async function makeLeaf(
  options: LeafOptions,
  commonName: string,
  usualValidity: number,
  make: (issuer: Issuer, subject: Subject) => Promise<Uint8Array>,
): Promise<LeafChain> {
  const { now, random, keyType = DEFAULT_KEY_TYPE, validitySeconds = usualValidity } = options;
  const issuer = await readIssuer(options.issuerChain, options.issuerKey);
  const key = await generateKey(keyType);
  const leaf = await make(issuer, { commonName, publicKeyInfo: key.publicKeyInfo, validitySeconds, now, random });
  if (leaf.length > CERTIFICATE_BYTES_MAX) throw new IssueError("certificate too big for TLS");
  const chainDer = [leaf, ...intermediatesOf(issuer)];
  const pem = (ders: readonly Uint8Array[]) => ders.map((der) => encodePem("CERTIFICATE", der)).join("");
  return {
    chainDer,
    chainPem: pem(chainDer),
    keyPem: await encodePrivateKey(key),
    issuerPem: pem([issuer.certificate, ...issuer.above].map(({ der }) => der)),
  };
}
