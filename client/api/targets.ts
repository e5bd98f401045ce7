/**
 * Whom a client of the scripting interface talks to.
 *
 * @module
 */
import type { KeyType } from "../../pki/key-type.ts";

/**
 * A host with an endpoint, and in whose name it is asked. Certificates and keys are PEM text, or paths of files of it.
 *
 * @example
 * ```ts
 * import { connect, type RemoteOptions } from "albatross";
 *
 * const remote: RemoteOptions = { host: "127.0.0.1", port: 1025, ca: "ca.pem", caKey: "ca.key", serverCa: "cacert.pem" };
 * const albatross = await connect({ remote });
 * console.log((await albatross.info()).length);
 * ```
 */
export interface RemoteOptions {
  /** A host name or an IP address. */
  readonly host: string;
  /** @default {1025} */
  readonly port?: number | undefined;
  /** The certificate that signs each command, then those above it: the root's, or that of a delegation. */
  readonly ca: string;
  /** Its key. */
  readonly caKey: string;
  /** The authorities that the server's certificate has to lead to, and ours for the server. */
  readonly serverCa: string;
  /** The name that the server's certificate must be for; any unless given. */
  readonly serverName?: string | undefined;
  /** The SHA-256 of the server's public key, in hex: only this key is accepted. Any unless given. */
  readonly serverKey?: string | undefined;
  /** The kind of the key that is made for each command. @default {"ed25519"} */
  readonly keyType?: KeyType | undefined;
}

/**
 * Whom to talk to: the daemons of this host, with their sockets below `tmpdir` (`/run/albatross` unless given) or with
 * one `socket`; a `remote` host; or one that `albatross-client remote add` has recorded under a name.
 *
 * @example
 * ```ts
 * import { connect, type Target } from "albatross";
 *
 * const target: Target = { tmpdir: "/run/albatross" };
 * const albatross = await connect(target);
 * console.log((await albatross.info()).length);
 * ```
 */
export type Target =
  | { readonly tmpdir?: string | undefined }
  | { readonly socket: string }
  | { readonly remote: RemoteOptions }
  | { readonly remoteName: string };
