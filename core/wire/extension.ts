/**
 * The content of the certificate extension that carries a command (wire.md 11).
 *
 * @module
 */
import type { Int } from "../int.ts";
import { commandCodec } from "./command-codec.ts";
import { type Codec, sequence } from "./der-codec.ts";
import { int } from "./der-primitives.ts";
import { Reader } from "./der-reader.ts";
import { Writer } from "./der-writer.ts";
import { type Command, PROTOCOL_VERSION } from "./message.ts";
import { checkExtensionVersion } from "./version-peek.ts";

/** What an extension holds. */
export interface Extension {
  readonly version: Int;
  readonly command: Command;
}

const extensionCodec: Codec<Extension> = sequence<Extension>({ version: int, command: commandCodec });

/** Bytes expected of everything but an image. */
const ORDINARY_CAPACITY = 512;

/** The extension's content for a command. */
export function encodeExtension(command: Command): Uint8Array<ArrayBuffer> {
  const writer = new Writer(ORDINARY_CAPACITY + ("config" in command ? command.config.image.length : 0));
  extensionCodec.write(writer, { version: PROTOCOL_VERSION, command });
  return writer.finish();
}

/**
 * The command in an extension's content. An image is a view on `bytes`.
 *
 * @throws {DecodeError} and nothing else
 */
export function decodeExtension(bytes: Uint8Array): Command {
  checkExtensionVersion(bytes);
  const reader = new Reader(bytes);
  const { command } = extensionCodec.read(reader);
  reader.finish();
  return command;
}

/**
 * As {@link decodeExtension}, whatever version the extension says it is in. A signer takes the command of a request and
 * puts it into the certificate in its own version (pki.md 11).
 *
 * @throws {DecodeError} and nothing else
 */
export function decodeExtensionOfAnyVersion(bytes: Uint8Array): Extension {
  const reader = new Reader(bytes);
  const extension = extensionCodec.read(reader);
  reader.finish();
  return extension;
}
