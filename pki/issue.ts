/**
 * Issues certificates of every kind (pki.md 3).
 *
 * @module
 */
import type { Policy } from "../core/policy.ts";
import { encodeExtension } from "../core/wire/extension.ts";
import type { Command } from "../core/wire/message.ts";
import {
  authorityKeyIdentifier,
  basicConstraints,
  buildCertificate,
  extendedKeyUsage,
  keyUsage,
  type NewExtension,
  type Role,
  subjectKeyIdentifier,
} from "./build-certificate.ts";
import { encodeCommonName } from "./distinguished-name.ts";
import { checkFits, IssueError, type Issuer, issuerKeyIdentifier } from "./issuer.ts";
import { keyIdentifier, type PrivateKey } from "./keys.ts";
import * as oids from "./oids.ts";
import { makeSerial, type RandomBytes } from "./serial.ts";
import { isAuthority } from "./validate.ts";

/** Certificates become valid this long before they are made, so that clocks need not agree: milliseconds. */
export const BACKDATE_MS = 10_000;

const DAY_SECONDS = 86_400;

/** Usual validities, in seconds. */
export const VALIDITY = {
  root: 3650 * DAY_SECONDS,
  delegation: 365 * DAY_SECONDS,
  server: 365 * DAY_SECONDS,
  /** A command signed from a request. */
  command: DAY_SECONDS,
  /** A command signed for one connection. */
  oneShot: 300,
} as const;

/** Clock and chance, and how long a certificate is valid. */
export interface IssueOptions {
  readonly validitySeconds: number;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly random: RandomBytes;
}

/** Whom a certificate is for. */
export interface Subject extends IssueOptions {
  readonly commonName: string;
  /** The whole SubjectPublicKeyInfo. */
  readonly publicKeyInfo: Uint8Array;
}

/** A new certificate. */
export interface Issued {
  readonly der: Uint8Array<ArrayBuffer>;
  /** The bytes of its serial number, for the serial database. */
  readonly serial: Uint8Array;
}

/** Issues a root: it signs itself, and has no key identifiers. */
export async function issueRoot(options: IssueOptions & { commonName: string; key: PrivateKey }): Promise<Issued> {
  const { commonName, key, validitySeconds, now, random } = options;
  const serial = makeSerial(random);
  const fields = {
    serial,
    issuer: encodeCommonName(commonName),
    commonName,
    notBefore: now - BACKDATE_MS,
    notAfter: now + validitySeconds * 1000,
    publicKeyInfo: key.publicKeyInfo,
    extensions: [keyUsage("ca"), basicConstraints("ca")],
  };
  return { der: await buildCertificate(fields, key), serial };
}

/** Issues the certificate of an endpoint. */
export async function issueServer(issuer: Issuer, subject: Subject): Promise<Issued> {
  return await issue(issuer, subject, "server", []);
}

/**
 * Issues a delegation: a CA below the issuer, with a policy.
 *
 * @throws {IssueError} if the policy is of no use, or exceeds that of the issuer
 */
export async function issueDelegation(issuer: Issuer, subject: Subject, policy: Policy): Promise<Issued> {
  const command: Command = { kind: "policy-add", policy };
  checkFits(issuer, command);
  return await issue(issuer, subject, "ca", [commandExtension(command)]);
}

/**
 * Issues a leaf that carries a command.
 *
 * @throws {IssueError} if the command exceeds the policy of the issuer
 */
export async function issueCommand(issuer: Issuer, subject: Subject, command: Command): Promise<Issued> {
  checkFits(issuer, command);
  return await issue(issuer, subject, "client", [commandExtension(command)]);
}

function commandExtension(command: Command): NewExtension {
  return { oid: oids.ALBATROSS, critical: false, value: encodeExtension(command) };
}

/**
 * Issues any certificate but a root. Its end is at most that of the issuer: it would be of no use after that.
 *
 * @throws {IssueError} if the issuer is no CA, or has expired
 */
export async function issue(
  issuer: Issuer,
  subject: Subject,
  role: Role,
  own: readonly NewExtension[],
): Promise<Issued> {
  const { certificate } = issuer;
  const who = certificate.subjectCommonName ?? "the issuer";
  if (!isAuthority(certificate)) {
    throw new IssueError(`Cannot sign with the certificate of ${who}: it is not the certificate of a CA`);
  }
  if (certificate.notAfter <= subject.now) {
    const end = new Date(certificate.notAfter).toISOString();
    throw new IssueError(`Cannot sign with the certificate of ${who}: it expired at ${end}. Use a newer one`);
  }
  const serial = makeSerial(subject.random);
  const fields = {
    serial,
    issuer: certificate.subject,
    commonName: subject.commonName,
    notBefore: subject.now - BACKDATE_MS,
    notAfter: Math.min(subject.now + subject.validitySeconds * 1000, certificate.notAfter),
    publicKeyInfo: subject.publicKeyInfo,
    extensions: [
      ...own,
      subjectKeyIdentifier(await keyIdentifier(subject.publicKeyInfo)),
      keyUsage(role),
      basicConstraints(role),
      authorityKeyIdentifier(await issuerKeyIdentifier(issuer)),
      ...(role === "ca" ? [] : [extendedKeyUsage(role)]),
    ],
  };
  return { der: await buildCertificate(fields, issuer.key), serial };
}
