/**
 * What is asked of a client's chain beyond what OpenSSL asks by itself: revocation and the stricter rules of pki.md 6.
 *
 * OpenSSL has built the chain and checked signatures, times, path lengths, purposes and critical extensions; it calls
 * here for every certificate, from the root down. An error that is set here goes to the client as the alert that OpenSSL
 * has for it. OpenSSL's own search for revocation lists goes by the issuer's name only and refuses issuers without one,
 * so the list is looked up here, with its signature checked by OpenSSL.
 *
 * @module
 */
import { makeCallback } from "../../runtime/ffi.ts";
import {
  KU_KEY_CERT_SIGN,
  openssl,
  X509_V_ERR_CERT_REVOKED,
  X509_V_ERR_INVALID_NON_CA,
  X509_V_ERR_KEYUSAGE_NO_CERTSIGN,
} from "./openssl.ts";
import type { RevocationIndex } from "./revocation-index.ts";

const X509_V_ERR_UNSPECIFIED = 1;
const VERSION_3 = 2;
/** What OpenSSL gives for a certificate without the extension. */
const NO_KEY_USAGE = 0xffff_ffff;

/** The lists for the handshake that is being worked on: handshakes are worked on one at a time. */
let revocations: RevocationIndex | undefined;

/** The X.509 error of a certificate, 0 if there is none. */
function complaint(context: number): number {
  const library = openssl();
  const certificate = library.X509_STORE_CTX_get_current_cert(context);
  const issuer = library.X509_STORE_CTX_get0_current_issuer(context);
  if (certificate === 0 || issuer === 0) return X509_V_ERR_UNSPECIFIED;
  const isAnchor = certificate === issuer;
  if (library.X509_STORE_CTX_get_error_depth(context) === 0) {
    const selfSigned = isAnchor;
    if (Number(library.X509_get_version(certificate)) !== VERSION_3) return X509_V_ERR_INVALID_NON_CA;
    if (!selfSigned && library.X509_check_ca(certificate) !== 0) return X509_V_ERR_INVALID_NON_CA;
  } else if (!isAnchor) {
    const usage = library.X509_get_key_usage(certificate) >>> 0;
    if (usage === NO_KEY_USAGE || (usage & KU_KEY_CERT_SIGN) === 0) return X509_V_ERR_KEYUSAGE_NO_CERTSIGN;
  }
  if (!isAnchor && revocations?.isRevoked(certificate, issuer) === true) return X509_V_ERR_CERT_REVOKED;
  return 0;
}

/** What OpenSSL calls: gives 1 to go on. An exception must not pass through C, so it counts as a refusal. */
function verify(accepted: number, context: number): number {
  if (accepted !== 1) return 0;
  let error: number;
  try {
    error = complaint(context);
  } catch {
    error = X509_V_ERR_UNSPECIFIED;
  }
  if (error === 0) return 1;
  openssl().X509_STORE_CTX_set_error(context, error);
  return 0;
}

let callback: number | undefined;

/** The address of the function for `SSL_CTX_set_verify`. It is made once and stays. */
export function verifyCallback(): number {
  callback ??= makeCallback({ args: ["i32", "pointer"], returns: "i32" }, (accepted, context) =>
    verify(Number(accepted), Number(context)),
  ).pointer;
  return callback;
}

/** Runs a step of a handshake in which revocation is checked against `index`. */
export function verifying<T>(index: RevocationIndex, step: () => T): T {
  revocations = index;
  try {
    return step();
  } finally {
    revocations = undefined;
  }
}
