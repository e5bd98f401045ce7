/**
 * What can go wrong between a client and a daemon. Each error has a code, which programs can rely on.
 *
 * @module
 */
import { type ByteString, toDisplay } from "../core/byte-string.ts";
import type { Name } from "../core/name.ts";
import {
  EXIT_CERTIFICATE_REFUSED,
  EXIT_CHAIN,
  EXIT_COMMUNICATION,
  EXIT_CONNECT,
  EXIT_HTTP,
  EXIT_INTERRUPTED,
  EXIT_REFUSED,
  EXIT_SERVER_UNKNOWN,
  EXIT_USAGE,
} from "./exit-status.ts";

/** Stable names of the failures. Further ones may be added in later versions. */
export type ClientErrorCode =
  | "connect"
  | "protocol"
  | "refused"
  | "aborted"
  | "certificate-refused"
  | "server-not-authenticated"
  | "chain"
  | "leaf"
  | "http"
  | InputErrorCode;

/** What it is that cannot be used: the `code` of an {@link InputError}. */
export type InputErrorCode = "argument" | "file" | "image" | "policy" | "certificate" | "configuration";

/**
 * The base of all errors of this library.
 *
 * @example
 * ```ts
 * import { ClientError, connect } from "albatross";
 *
 * try {
 *   const albatross = await connect({ tmpdir: "/nowhere" });
 *   await albatross.info();
 * } catch (error) {
 *   if (!(error instanceof ClientError)) throw error;
 *   console.error(`${error.code}: ${error.message}`); // connect: …
 *   process.exitCode = error.exitStatus; // 122, as albatross-client
 *   if (error.code === "connect") process.exitCode = 0;
 * }
 * ```
 */
export abstract class ClientError extends Error {
  /** Which failure it is, for programs. */
  abstract readonly code: ClientErrorCode;
  /** The exit status of `albatross-client` for this failure. */
  abstract readonly exitStatus: number;
}

/**
 * No connection to the daemon was made.
 *
 * @example
 * ```ts
 * import { connect, ConnectError, ProtocolError } from "albatross";
 *
 * const albatross = await connect({ tmpdir: "/nowhere" });
 * try {
 *   await albatross.info();
 * } catch (error) {
 *   if (error instanceof ConnectError) console.log(`no daemon at ${error.address}: ${error.systemCode}`);
 *   else if (error instanceof ProtocolError) console.log("whether the command was carried out is unknown");
 *   else throw error;
 * }
 * ```
 */
export class ConnectError extends ClientError {
  override readonly name = "ConnectError";
  readonly code = "connect";
  readonly exitStatus = EXIT_CONNECT;
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
  readonly exitStatus = EXIT_COMMUNICATION;
}

/**
 * The daemon refused a command. `message` is its reason.
 *
 * @example
 * ```ts
 * import { connect, RefusedError } from "albatross";
 *
 * const albatross = await connect({ tmpdir: "/run/albatross" });
 * try {
 *   await albatross.destroy("nobody");
 * } catch (error) {
 *   if (!(error instanceof RefusedError)) throw error;
 *   console.log(`${error.host}: ${error.message}`);
 * }
 * ```
 */
export class RefusedError extends ClientError {
  override readonly name = "RefusedError";
  readonly code = "refused";
  readonly exitStatus = EXIT_REFUSED;
  /** Whom the refusal concerns. */
  readonly host: Name;
  /**
   * The daemon's reason as it was sent.
   *
   * @internal
   */
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
  readonly exitStatus = EXIT_INTERRUPTED;
}

/**
 * The server did not accept our certificate, and said so by a TLS alert.
 *
 * @example
 * ```ts
 * import { CertificateRefusedError, ChainError, connect, generateAuthority, LeafError, ServerNotAuthenticatedError } from "albatross";
 *
 * const { certificate, key } = await generateAuthority({ name: "stranger" });
 * const remote = { host: "127.0.0.1", port: 1025, ca: certificate, caKey: key, serverCa: "cacert.pem" };
 * const albatross = await connect({ remote });
 * try {
 *   await albatross.info();
 * } catch (error) {
 *   if (error instanceof ChainError) console.log(`our certificates do not lead to the server's: ${error.detail}`);
 *   else if (error instanceof CertificateRefusedError) console.log(`revoked, or unknown there: ${error.alert}`);
 *   else if (error instanceof ServerNotAuthenticatedError) console.log("somebody else answers");
 *   else if (error instanceof LeafError) console.log("the delegation does not allow that");
 *   else throw error;
 * }
 * ```
 */
export class CertificateRefusedError extends ClientError {
  override readonly name = "CertificateRefusedError";
  readonly code = "certificate-refused";
  readonly exitStatus = EXIT_CERTIFICATE_REFUSED;
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
  readonly exitStatus = EXIT_SERVER_UNKNOWN;
}

/** Our own certificates do not lead to the authority that the server will ask for; nothing was sent. */
export class ChainError extends ClientError {
  override readonly name = "ChainError";
  readonly code = "chain";
  readonly exitStatus = EXIT_CHAIN;
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
  readonly exitStatus = EXIT_USAGE;
}

/**
 * What the caller gave cannot be used: an argument, a file, an image, a policy, a certificate. Nothing was sent.
 *
 * @example
 * ```ts
 * import { type ClientErrorCode, connect, InputError, type InputErrorCode } from "albatross";
 *
 * const ours: InputErrorCode[] = ["image", "file"];
 * const codes: ClientErrorCode[] = [...ours, "refused"];
 * const albatross = await connect({ tmpdir: "/run/albatross" });
 * try {
 *   await albatross.create("web", { image: "missing.hvt" });
 * } catch (error) {
 *   if (!(error instanceof InputError) || !codes.includes(error.code)) throw error;
 *   console.log(error.message);
 * }
 * ```
 */
export class InputError extends ClientError {
  override readonly name = "InputError";
  readonly code: InputErrorCode;
  readonly exitStatus = EXIT_USAGE;

  constructor(code: InputErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A server of builds could not be asked, or answered something unexpected; nothing has changed on the host. */
export class HttpError extends ClientError {
  override readonly name: string = "HttpError";
  readonly code = "http";
  readonly exitStatus = EXIT_HTTP;
}
