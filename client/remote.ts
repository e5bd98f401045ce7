/**
 * Commands to a remote host, each in a certificate of its own.
 *
 * @module
 */
import type { Name } from "../core/name.ts";
import type { Command } from "../core/wire/message.ts";
import { IssueError } from "../pki/issuer.ts";
import { leafCommonName } from "../pki/leaf.ts";
import type { ClientConnection, ClientOptions } from "./connection.ts";
import { LeafError } from "./errors.ts";
import { type LeafCredentials, type Signer, signCommand, validateCredentials } from "./leaf.ts";
import { type RemoteOptions, type RemoteReply, requestRemote } from "./remote-request.ts";
import { openTls, serverAddress, type TlsServer } from "./tls-connection.ts";

/** A host, and in whose name it is asked. */
export interface RemoteHost {
  readonly server: TlsServer;
  readonly signer: Signer;
}

/**
 * Sends a command in a certificate.
 *
 * @throws {LeafError}
 * @throws {ChainError}
 * @throws what {@link requestRemote} throws
 */
export async function askRemote(
  host: RemoteHost,
  name: Name,
  command: Command,
  options: RemoteOptions = {},
): Promise<RemoteReply> {
  return await requestRemote(host.server, await credentialsFor(host, name, command), options);
}

/** As {@link askRemote}, for commands with many replies: gives the connection they come on. */
export async function openRemote(
  host: RemoteHost,
  name: Name,
  command: Command,
  options: ClientOptions = {},
): Promise<{ readonly connection: ClientConnection; readonly address: string }> {
  const { connection } = await openTls(host.server, await credentialsFor(host, name, command), options);
  return { connection, address: serverAddress(host.server) };
}

async function credentialsFor({ server, signer }: RemoteHost, name: Name, command: Command): Promise<LeafCredentials> {
  checkAddressable(name, command);
  const credentials = await signCommand(signer, name, command);
  await validateCredentials(credentials, server.trustAnchors);
  return credentials;
}

/**
 * Makes sure that a certificate can say whom a command is for.
 *
 * @throws {LeafError} `non-empty path`
 */
export function checkAddressable(name: Name, command: Command): void {
  try {
    leafCommonName(name, command);
  } catch (cause) {
    if (!(cause instanceof IssueError)) throw cause;
    throw new LeafError(cause.message, { cause });
  }
  // The endpoint takes the common name for a label, and of those only one.
  if (command.kind === "policy-info" && name.labels.length > 1) throw new LeafError("non-empty path");
}
