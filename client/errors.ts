/**
 * What can go wrong between a client and a daemon. Each error has a code, which programs can rely on.
 *
 * @module
 */
import { type ByteString, toDisplay } from "../core/byte-string.ts";
import type { Name } from "../core/name.ts";

/** Stable names of the failures. */
export type ClientErrorCode =
  | "connect"
  | "protocol"
  | "refused"
  | "aborted"
  | "certificate-refused"
  | "server-not-authenticated"
  | "chain"
  | "leaf";

/** The base of all errors of this library. */
export abstract class ClientError extends Error {
  abstract readonly code: ClientErrorCode;
}

/** No connection to the daemon was made. */
export class ConnectError extends ClientError {
  override readonly name = "ConnectError";
  readonly code = "connect";
  /** Where the daemon should have been: the path of a socket, or `HOST:PORT`. */
  readonly address: string;
  /** The system's name of the failure, e.g. `ENOENT`. */
  readonly systemCode: string;

  constructor(address: string, systemCode: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.address = address;
    this.systemCode = systemCode;
  }
}

/** The connection failed, ended too early, or carried something that is no message. */
export class ProtocolError extends ClientError {
  override readonly name = "ProtocolError";
  readonly code = "protocol";
}

/** The daemon refused a command. `message` is its reason. */
export class RefusedError extends ClientError {
  override readonly name = "RefusedError";
  readonly code = "refused";
  /** Whom the refusal concerns. */
  readonly host: Name;
  /** The daemon's reason as it was sent. */
  readonly text: ByteString;

  constructor(host: Name, text: ByteString) {
    super(toDisplay(text));
    this.host = host;
    this.text = text;
  }
}

/** The caller gave up by its AbortSignal; `cause` is the signal's reason. */
export class AbortedError extends ClientError {
  override readonly name = "AbortedError";
  readonly code = "aborted";
}

/** The server did not accept our certificate, and said so by a TLS alert. */
export class CertificateRefusedError extends ClientError {
  override readonly name = "CertificateRefusedError";
  readonly code = "certificate-refused";
  /** The alert in words, e.g. `unknown ca`. */
  readonly alert: string;

  constructor(alert: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.alert = alert;
  }
}

/**
 * The server could not show that it is the one we want to talk to. At most it has seen our certificate, which is useless
 * without its key.
 */
export class ServerNotAuthenticatedError extends ClientError {
  override readonly name = "ServerNotAuthenticatedError";
  readonly code = "server-not-authenticated";
}

/** Our own certificates do not lead to the authority that the server will ask for; nothing was sent. */
export class ChainError extends ClientError {
  override readonly name = "ChainError";
  readonly code = "chain";
  /** What exactly is wrong with them. */
  readonly detail: string;

  constructor(message: string, detail: string, options?: ErrorOptions) {
    super(message, options);
    this.detail = detail;
  }
}

/** A certificate for a command could not be made, or a stored one cannot be used. */
export class LeafError extends ClientError {
  override readonly name = "LeafError";
  readonly code = "leaf";
}
