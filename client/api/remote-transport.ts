/**
 * The way to a remote host: each command in a certificate of its own.
 *
 * @module
 */
import { createReadStream } from "node:fs";
import { KEY_TYPES } from "../../pki/key-type.ts";
import { PEM_CHARACTERS_MAX } from "../../pki/pem.ts";
import { InputError } from "../errors.ts";
import { askRemote, openRemote, type RemoteHost } from "../remote.ts";
import type { Upload } from "../remote-request.ts";
import { DEFAULT_PORT } from "../tls-connection.ts";
import { ValueError } from "../value-error.ts";
import { parseDigest } from "../values/digest.ts";
import type { RemoteOptions } from "./targets.ts";
import type { Call, Transport } from "./transport.ts";

/** Compression that pays on the way over a network (client.md 5). */
const FAR_LEVEL = 9;

/** The original's endpoint waits for a stream even where there can be no image. */
const noImage: Upload = { chunks: [], othersOnly: true };

/**
 * The way to a host.
 *
 * @throws {InputError} `file` or `argument`
 */
export async function remoteTransport(options: RemoteOptions): Promise<Transport> {
  const host = await hostOf(options);
  return {
    level: FAR_LEVEL,
    socketOf: undefined,
    async ask(name, command, { image, stream, signal }) {
      const upload = uploadOf({ image, stream }) ?? ("config" in command ? noImage : undefined);
      return await askRemote(host, name, command, { upload, signal });
    },
    open: (name, command, options) => openRemote(host, name, command, options),
    // A command in a certificate has no room for the question after the status.
    info: async (name, options) => ({
      reply: (await askRemote(host, name, { kind: "unikernel-info" }, options)).reply,
      status: undefined,
    }),
  };
}

function uploadOf({ image, stream }: Call): Upload | undefined {
  if (stream !== undefined) return { chunks: stream };
  if (image === undefined) return undefined;
  const { file, level } = image;
  return { chunks: file.stream(level, () => undefined), digest: () => file.digest() };
}

/** The host with the contents of its files. */
export async function hostOf(options: RemoteOptions): Promise<RemoteHost> {
  const { host, port = DEFAULT_PORT, ca, caKey, serverCa, serverName, serverKey, keyType } = options;
  if (keyType !== undefined && !KEY_TYPES.includes(keyType)) {
    throw new InputError("argument", `Cannot make keys of the type ${keyType}: it is one of ${KEY_TYPES.join(", ")}`);
  }
  const [keyPem, chainPem, trustAnchors] = await Promise.all([caKey, ca, serverCa].map(pemOf));
  return {
    server: { host, port, trustAnchors: trustAnchors ?? "", serverName, serverKey: digestOf(serverKey) },
    signer: { chainPem: chainPem ?? "", keyPem: keyPem ?? "", keyType },
  };
}

function digestOf(text: string | undefined): string | undefined {
  try {
    return text === undefined ? undefined : parseDigest(text);
  } catch (cause) {
    if (!(cause instanceof ValueError)) throw cause;
    throw new InputError("argument", `Cannot use the serverKey: ${cause.message}`, { cause });
  }
}

/** PEM text, or that of a file. @throws {InputError} `file` */
export async function pemOf(given: string): Promise<string> {
  if (given.includes("-----BEGIN ")) return given;
  try {
    const pieces: Uint8Array[] = [];
    // One byte more than a file may have: one of any other kind does not tell its size.
    for await (const piece of createReadStream(given, { end: PEM_CHARACTERS_MAX })) pieces.push(piece as Uint8Array);
    const whole = Buffer.concat(pieces);
    if (whole.length > PEM_CHARACTERS_MAX) throw new Error(`it has more than ${PEM_CHARACTERS_MAX} bytes`);
    return whole.toString();
  } catch (cause) {
    throw new InputError("file", `Cannot read ${given}: ${(cause as Error).message}`, { cause });
  }
}
