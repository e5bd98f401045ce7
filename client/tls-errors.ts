/**
 * What failures of a TLS connection mean (client.md 6).
 *
 * @module
 */
import { HandshakeClosedError, HandshakeTimeoutError, type TlsPhase } from "../runtime/tls-socket.ts";
import {
  CertificateRefusedError,
  ClientError,
  ConnectError,
  ProtocolError,
  ServerNotAuthenticatedError,
} from "./errors.ts";

/**
 * The alerts that say that a peer does not accept a certificate, in the words of RFC 8446, 6.2; each as the runtimes name
 * it: Bun and Deno as BoringSSL or OpenSSL do.
 */
const refusals: Readonly<Record<string, string>> = {
  BAD_CERTIFICATE: "bad certificate",
  UNSUPPORTED_CERTIFICATE: "unsupported certificate",
  CERTIFICATE_REVOKED: "certificate revoked",
  CERTIFICATE_EXPIRED: "certificate expired",
  CERTIFICATE_UNKNOWN: "certificate unknown",
  CERTIFICATE_REQUIRED: "certificate required",
  UNKNOWN_CA: "unknown ca",
  ACCESS_DENIED: "access denied",
};

const alertCode = /ALERT_([A-Z_]+)$/;

/** The alert that an error of `node:tls` tells of, as the libraries name it; `undefined` if it tells of none. */
export function alertOf(error: Error): string | undefined {
  return alertCode.exec(codeOf(error))?.[1];
}

function codeOf(error: Error): string {
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? code : "";
}

/** Codes of failed checks of the server's certificate, beyond those in words that mention a certificate. */
const authenticationCode =
  /CERT|ISSUER|SELF_SIGNED|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH|UNABLE_TO_|HOSTNAME_MISMATCH|CRL_/;

/**
 * The error of this library for one of the system or the TLS library.
 *
 * @param address of the server, as `HOST:PORT`
 */
export function translateTlsError(error: Error, phase: TlsPhase, address: string): Error {
  if (error instanceof ClientError) return error;
  const cause = { cause: error };
  const alert = alertOf(error);
  const refusal = alert === undefined ? undefined : refusals[alert];
  if (refusal !== undefined) {
    return new CertificateRefusedError(refusal, `The server ${address} refused our certificate: ${refusal}`, cause);
  }
  if (alert !== undefined) {
    const words = alert.toLowerCase().replaceAll("_", " ");
    return new ProtocolError(`The server ${address} broke off TLS with the alert ${words}`, cause);
  }
  if (error instanceof HandshakeClosedError) {
    return new ProtocolError(`The server ${address} has closed the connection during the TLS handshake`, cause);
  }
  if (error instanceof HandshakeTimeoutError && phase === "handshake") return new ProtocolError(error.message, cause);
  const code = codeOf(error);
  if (phase === "connect") return new ConnectError(address, code, error.message, cause);
  if (phase === "handshake" && authenticationCode.test(code)) {
    return new ServerNotAuthenticatedError(`Cannot trust the server ${address}: ${error.message}`, cause);
  }
  if (phase === "handshake") {
    return new ProtocolError(`Cannot shake hands with the server ${address}: ${error.message}`, cause);
  }
  return error;
}
