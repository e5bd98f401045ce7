/**
 * Commands to a remote host: makes the certificate, connects, and waits for the reply (client.md 1).
 *
 * @module
 */
import type { ClientConnection, ClientOptions } from "../client/connection.ts";
import { type LeafCredentials, signCommand, validateCredentials } from "../client/leaf.ts";
import { type RemoteReply, requestRemote, type Upload } from "../client/remote-request.ts";
import { openTls, serverAddress, type TlsServer } from "../client/tls-connection.ts";
import type { Destination } from "../client/values/destination.ts";
import type { Name } from "../core/name.ts";
import type { Command } from "../core/wire/message.ts";
import { IssueError } from "../pki/issuer.ts";
import type { KeyType } from "../pki/key-type.ts";
import { leafCommonName } from "../pki/leaf.ts";
import { writeText } from "./output.ts";
import { asUsageError, readTextFile } from "./pki-files.ts";
import { UsageError } from "./usage-error.ts";

/** The values of the options about the server. */
export interface ServerValues {
  readonly destination: Destination | undefined;
  readonly serverCa: string | undefined;
  readonly serverName: string | undefined;
  readonly serverKey: string | undefined;
}

/** The values of the options in `options/remote.ts`. */
export interface RemoteValues extends ServerValues {
  readonly ca: string | undefined;
  readonly caKey: string | undefined;
  readonly keyType: KeyType;
}

/**
 * Sends a command in a certificate of its own.
 *
 * @returns the reply; nothing if the certificates were only shown
 * @throws {UsageError} for files that cannot be read, and names that cannot be addressed
 * @throws {ClientError}
 */
export async function askRemote(
  values: RemoteValues,
  name: Name,
  command: Command,
  options: ClientOptions & { readonly upload?: Upload | undefined } = {},
): Promise<RemoteReply | undefined> {
  const made = await prepare(values, name, command);
  return made && (await requestRemote(made.server, made.credentials, options));
}

/** As {@link askRemote}, for commands with many replies: gives the connection they come on. */
export async function openRemote(
  values: RemoteValues,
  name: Name,
  command: Command,
  options: ClientOptions,
): Promise<{ readonly connection: ClientConnection; readonly address: string }> {
  const made = await prepare(values, name, command);
  if (made === undefined) throw new TypeError("There is nobody to connect to: --destination=- only shows certificates");
  const { connection } = await openTls(made.server, made.credentials, options);
  return { connection, address: serverAddress(made.server) };
}

async function prepare(values: RemoteValues, name: Name, command: Command) {
  const addressed = addressedName(name, command);
  // As the original, which asks for the key first.
  const keyPem = readFile(values.caKey ?? "ca.key");
  const chainPem = readFile(values.ca ?? "ca.pem");
  const credentials = await signCommand({ chainPem, keyPem, keyType: values.keyType }, addressed, command);
  const server = serverOf(values);
  if (server === undefined) return showCertificates(credentials);
  await validateCredentials(credentials, server.trustAnchors);
  return { server, credentials };
}

/** @throws {UsageError} `non-empty path` */
function addressedName(name: Name, command: Command): Name {
  try {
    leafCommonName(name, command);
  } catch (error) {
    throw asUsageError(error);
  }
  // The endpoint takes the common name for a label, and of those only one.
  if (command.kind === "policy-info" && name.labels.length > 1) {
    throw new UsageError("non-empty path", {
      cause: new IssueError("A policy below another is not addressed remotely"),
    });
  }
  return name;
}

/** The server; nothing for `--destination=-`. */
export function serverOf(values: ServerValues): TlsServer | undefined {
  const { destination, serverName, serverKey } = values;
  if (destination === undefined) throw new UsageError("no destination provided");
  if (destination === "-") return undefined;
  return { ...destination, trustAnchors: readFile(values.serverCa ?? "cacert.pem"), serverName, serverKey };
}

/** @throws {UsageError} `FILE: No such file or directory` and the like */
export function readFile(path: string): string {
  try {
    return readTextFile(path);
  } catch (error) {
    throw asUsageError(error);
  }
}

/** Shows certificates instead of connecting: `--destination=-`. */
export function showCertificates({ issuerPem, chainPem }: LeafCredentials): undefined {
  const end = chainPem.indexOf("-----END CERTIFICATE-----");
  const leaf = end < 0 ? chainPem : chainPem.slice(0, chainPem.indexOf("\n", end) + 1);
  writeText(1, `intermediate:\n${issuerPem}\nleaf:\n${leaf}\n`);
}
