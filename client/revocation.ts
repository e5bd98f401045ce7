/**
 * What a revocation list is made from: the list before it, and certificates.
 *
 * @module
 */
import { readCertificate } from "../pki/certificate.ts";
import { type Crl, readCrlFile, verifyCrl } from "../pki/crl.ts";
import { IssueError, type Issuer } from "../pki/issuer.ts";
import { isSignedBy } from "../pki/keys.ts";
import { decodePem, PemError } from "../pki/pem.ts";

/**
 * A list to be extended. It must be one of this authority, or what it says would be taken over unseen.
 *
 * @param bytes PEM or DER
 * @throws {CrlError}
 * @throws {PemError}
 */
export async function knownList(bytes: Uint8Array, issuer: Issuer): Promise<Crl> {
  const crl = readCrlFile(bytes);
  await verifyCrl(crl, issuer.certificate);
  return crl;
}

/**
 * The serial number of the first certificate in a text, in hex.
 *
 * @throws {PemError}
 * @throws {CertificateError}
 * @throws {IssueError} if another authority has issued it
 */
export async function serialToRevoke(pem: string, issuer: Issuer): Promise<string> {
  const [first] = decodePem(pem, "CERTIFICATE");
  if (first === undefined) throw new PemError("there is no CERTIFICATE");
  const certificate = readCertificate(first);
  if (!(await isSignedBy(certificate, issuer.certificate.publicKeyInfo))) {
    const who = issuer.certificate.subjectCommonName ?? "this authority";
    throw new IssueError(`the certificate was not issued by ${who}, which can only revoke its own`);
  }
  return certificate.serial.toHex();
}
