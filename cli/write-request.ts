/**
 * `--csr`: a command becomes a request for a certificate (pki.md 11).
 *
 * @module
 */
import { existsSync } from "node:fs";
import type { ImageBytes } from "../client/connection.ts";
import { subCommandOf } from "../client/signable.ts";
import { wholeImage } from "../client/whole-image.ts";
import type { Name } from "../core/name.ts";
import type { Command } from "../core/wire/message.ts";
import type { KeyType } from "../pki/key-type.ts";
import { leafCommonName } from "../pki/leaf.ts";
import { makeRequest } from "../pki/request.ts";
import type { Context } from "./context.ts";
import { asUsageError, fileName, keyOfFile, PUBLIC_MODE } from "./pki-files.ts";
import { replaceFile } from "./replace-file.ts";
import { UsageError } from "./usage-error.ts";

/**
 * Writes a key, unless there is one, and a request. Prints nothing, as the original; with `--json` what was written:
 * `commonName`, `keyFile`, `keyMade`, `requestFile`.
 *
 * @param image the image of a create command, whose own image is empty
 * @returns the exit status
 * @throws {UsageError} also for commands whose data a request cannot hold
 */
export async function writeRequest(
  keyType: KeyType,
  context: Context,
  name: Name,
  command: Command,
  image?: ImageBytes,
): Promise<number> {
  try {
    const commonName = leafCommonName(name, command);
    if (command.kind === "policy-add" && name.path.length > 1) {
      throw new UsageError(
        `Cannot delegate ${commonName} in one certificate: ask for ${name.path.at(-1) ?? ""}, and have it signed by the delegation above it`,
      );
    }
    const base = fileName(commonName, subCommandOf(command) ?? command.kind);
    const [keyFile, requestFile] = [`${base}.key`, `${base}.req`];
    const whole = image === undefined ? command : await withImage(command, image);
    const keyMade = !existsSync(keyFile);
    const key = await keyOfFile(keyFile, keyType);
    replaceFile(requestFile, await makeRequest(commonName, whole, key), PUBLIC_MODE);
    if (context.json) context.object({ kind: "request", commonName, keyFile, keyMade, requestFile });
    return 0;
  } catch (error) {
    throw asUsageError(error);
  }
}

async function withImage(command: Command, image: ImageBytes): Promise<Command> {
  return "config" in command ? { ...command, config: { ...command.config, image: await wholeImage(image) } } : command;
}
