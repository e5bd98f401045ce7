/**
 * A connection to an Albatross host by TLS. The command is in our certificate (pki.md 1): replies come without anything
 * being asked.
 *
 * @module
 */
import { TLS_APPLICATION_PROTOCOL } from "../core/wire/peer-extensions.ts";
import { CertificateError, readCertificate } from "../pki/certificate.ts";
import { CLIENT_CHAIN_LIMIT, connectTls, type TlsPeer } from "../runtime/tls-socket.ts";
import { ClientConnection, type ClientOptions } from "./connection.ts";
import { ProtocolError, ServerNotAuthenticatedError } from "./errors.ts";
import { addressBytes, hasServerName } from "./server-name.ts";
import { translateTlsError } from "./tls-errors.ts";

/** The port of the endpoint unless another is given. */
export const DEFAULT_PORT = 1025;

/** How long connecting and the server's part of the handshake may take: milliseconds. */
export const CONNECT_PATIENCE_MS = 30_000;

/** A server, and how to know it. */
export interface TlsServer {
  /** A host name or an IP address. */
  readonly host: string;
  readonly port: number;
  /** The authorities that the server's certificate has to lead to: one or more certificates, PEM. */
  readonly trustAnchors: string;
  /** The name that its certificate must be for; any unless given, as for the original. */
  readonly serverName?: string | undefined;
  /** The SHA-256 of its SubjectPublicKeyInfo, lower-case hex: only this key is accepted. Any unless given. */
  readonly serverKey?: string | undefined;
}

/** A certificate chain with the key of its first certificate. */
export interface Credentials {
  /** The leaf, then its issuers upwards, DER. */
  readonly chainDer: readonly Uint8Array[];
  /** The same, PEM. */
  readonly chainPem: string;
  /** PKCS#8, PEM. */
  readonly keyPem: string;
}

/** A connection, and what is known about the other end. */
export interface TlsClient {
  readonly connection: ClientConnection;
  /** Whether it is an endpoint of this project, which takes more than the original's (`core/wire/peer-extensions.ts`). */
  readonly extended: boolean;
}

/** `HOST:PORT`, with brackets around IPv6 addresses. */
export function serverAddress({ host, port }: Pick<TlsServer, "host" | "port">): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Connects, and makes sure of the server. The server makes sure of us afterwards: that it refuses us shows in the
 * messages, as {@link CertificateRefusedError}, or as {@link ProtocolError} if it just closes.
 *
 * @throws {ConnectError} if there is nobody
 * @throws {ServerNotAuthenticatedError} if it is not the one we want
 * @throws {ProtocolError} if the handshake fails otherwise, or the runtime cannot send a chain of this size
 * @throws {CertificateRefusedError}
 * @throws {AbortedError}
 */
export async function openTls(
  server: TlsServer,
  credentials: Credentials,
  options: ClientOptions & { readonly patience?: number } = {},
): Promise<TlsClient> {
  const address = serverAddress(server);
  checkChainSize(credentials);
  // Loaded only for a pinned key: it takes 4 ms.
  const hash = server.serverKey === undefined ? undefined : (await import("node:crypto")).createHash;
  let extended = false;
  const connection = await ClientConnection.over(
    address,
    (open) =>
      connectTls(
        {
          host: server.host,
          port: server.port,
          trustAnchors: server.trustAnchors,
          chain: credentials.chainPem,
          key: credentials.keyPem,
          applicationProtocols: [TLS_APPLICATION_PROTOCOL],
          indication: indicationOf(server.serverName),
        },
        (transport, peer) => {
          extended = peer.applicationProtocol === TLS_APPLICATION_PROTOCOL;
          return open(transport);
        },
        {
          patience: options.patience ?? CONNECT_PATIENCE_MS,
          signal: options.signal,
          check: (peer) => checkServer(server, peer, (bytes) => hash?.("sha256").update(bytes).digest("hex")),
          translate: (error, phase) => translateTlsError(error, phase, address),
        },
      ),
    options,
  );
  return { connection, extended };
}

function indicationOf(name: string | undefined): string | undefined {
  return name === undefined || addressBytes(name) !== undefined ? undefined : name;
}

/** Bytes that the handshake message has beside each certificate, and in all. */
const ENTRY_OVERHEAD = 5;
const MESSAGE_OVERHEAD = 8;

function checkChainSize({ chainDer }: Credentials): void {
  if (CLIENT_CHAIN_LIMIT === undefined) return;
  const size = chainDer.reduce((sum, each) => sum + each.length + ENTRY_OVERHEAD, MESSAGE_OVERHEAD);
  if (size <= CLIENT_CHAIN_LIMIT) return;
  throw new ProtocolError(
    `Cannot send certificates of ${size} bytes, since Deno allows ${CLIENT_CHAIN_LIMIT}: send the image after the handshake, or use Bun`,
  );
}

/** @throws {ServerNotAuthenticatedError} */
function checkServer(
  server: TlsServer,
  { certificate }: TlsPeer,
  sha256: (bytes: Uint8Array) => string | undefined,
): void {
  if (server.serverName === undefined && server.serverKey === undefined) return;
  const address = serverAddress(server);
  try {
    const read = readCertificate(certificate);
    if (server.serverName !== undefined && !hasServerName(read, server.serverName)) {
      throw new ServerNotAuthenticatedError(`The certificate of ${address} is not for the name ${server.serverName}`);
    }
    if (server.serverKey === undefined) return;
    const key = sha256(read.publicKeyInfo);
    if (key !== server.serverKey) {
      throw new ServerNotAuthenticatedError(`The key of ${address} is not the given one: its SHA-256 is ${key}`);
    }
  } catch (cause) {
    if (cause instanceof ServerNotAuthenticatedError) throw cause;
    const reason = cause instanceof CertificateError ? cause.message : String(cause);
    throw new ServerNotAuthenticatedError(`Cannot read the certificate of ${address}: ${reason}`, { cause });
  }
}
