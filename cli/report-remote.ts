/**
 * Reports failures of the way to a remote host, in the original's words where it has some (client.md 6).
 *
 * @module
 */
import {
  CertificateRefusedError,
  ChainError,
  type ClientError,
  type ConnectError,
  LeafError,
  ServerNotAuthenticatedError,
} from "../client/errors.ts";

/** An error as it is reported. */
export interface RemoteFailure {
  /** Printed as an error. */
  readonly text: string;
  /** Said about it on standard error. */
  readonly hint?: string;
}

/** How an error is reported; `undefined` for those that are not special to remote hosts. */
export function remoteFailure(error: ClientError): RemoteFailure | undefined {
  if (error instanceof ChainError) return { text: error.message, hint: error.detail };
  if (error instanceof LeafError) return { text: error.message };
  if (error instanceof CertificateRefusedError) {
    const text = `local authentication failure TLS alert: ${error.alert}`;
    return { text, hint: error.message };
  }
  if (error instanceof ServerNotAuthenticatedError) {
    const text = "remote authentication failure TLS failure: authentication failure: invalid certificate chain";
    return { text, hint: error.message };
  }
  return undefined;
}

/** The text for a server that cannot be reached. */
export function connectFailure({ address, systemCode, message }: ConnectError): string {
  const host = address.replace(/:\d+$/, "");
  const why = systemCode === "" ? message : `Unix.Unix_error(Unix.${systemCode}, "connect", "")`;
  return `connect failed with connection to ${host} failed: connect failure: ${why}`;
}
