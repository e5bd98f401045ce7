/**
 * Commands to a remote host by the options of the command line: reads the files, or only shows certificates (client.md 1).
 *
 * @module
 */
import type { ClientOptions } from "../client/connection.ts";
import { LeafError } from "../client/errors.ts";
import { type LeafCredentials, signCommand } from "../client/leaf.ts";
import { askRemote as askHost, checkAddressable, openRemote as openHost, type RemoteHost } from "../client/remote.ts";
import type { RemoteOptions, RemoteReply } from "../client/remote-request.ts";
import type { TlsServer } from "../client/tls-connection.ts";
import type { Destination } from "../client/values/destination.ts";
import type { Name } from "../core/name.ts";
import type { Command } from "../core/wire/message.ts";
import type { KeyType } from "../pki/key-type.ts";
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
  options: RemoteOptions = {},
): Promise<RemoteReply | undefined> {
  const host = await hostOf(values, name, command);
  return host && (await askHost(host, name, command, options));
}

/** As {@link askRemote}, for commands with many replies: gives the connection they come on. */
export async function openRemote(values: RemoteValues, name: Name, command: Command, options: ClientOptions) {
  const host = await hostOf(values, name, command);
  if (host === undefined) throw new TypeError("There is nobody to connect to: --destination=- only shows certificates");
  return await openHost(host, name, command, options);
}

async function hostOf(values: RemoteValues, name: Name, command: Command): Promise<RemoteHost | undefined> {
  try {
    checkAddressable(name, command);
  } catch (error) {
    throw error instanceof LeafError ? new UsageError(error.message, { cause: error }) : error;
  }
  // As the original, which asks for the key first.
  const keyPem = readFile(values.caKey ?? "ca.key");
  const chainPem = readFile(values.ca ?? "ca.pem");
  const signer = { chainPem, keyPem, keyType: values.keyType };
  if (values.destination === "-") return showCertificates(await signCommand(signer, name, command));
  const server = serverOf(values);
  return server && { server, signer };
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
