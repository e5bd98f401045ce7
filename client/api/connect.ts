/**
 * The entry of the scripting interface.
 *
 * @module
 */
import { socketFile } from "../../core/paths.ts";
import { defaultDirectories } from "../directories.ts";
import { InputError } from "../errors.ts";
import { Albatross } from "./albatross.ts";
import type { RemoteOptions, Target } from "./targets.ts";
import { localTransport, type Transport } from "./transport.ts";

/**
 * Makes a client. Nothing is sent yet: each command makes a connection of its own, so there is nothing to close, and a
 * daemon may be restarted between two commands. Files of keys and certificates are read now.
 *
 * @param target whom to talk to; the daemons of this host unless given
 * @returns the client
 * @throws {InputError} `file` if a key or certificate cannot be read, `configuration` if the user's configuration is
 * broken or has no such name, `argument` if something else cannot be used
 *
 * @example On this host
 * ```ts
 * import { connect } from "albatross";
 *
 * const albatross = await connect({ tmpdir: "/run/albatross" });
 * for (const { name, memoryMb } of await albatross.info()) console.log(`${name}: ${memoryMb} MB`);
 * ```
 *
 * @example On another one
 * ```ts
 * import { connect } from "albatross";
 *
 * const albatross = await connect({
 *   remote: { host: "127.0.0.1", port: 1025, ca: "ca.pem", caKey: "ca.key", serverCa: "cacert.pem" },
 * });
 * console.log((await albatross.info()).length);
 * ```
 */
export async function connect(target: Target = {}): Promise<Albatross> {
  return new Albatross(await transportTo(target));
}

async function transportTo(target: Target): Promise<Transport> {
  if ("socket" in target) return localTransport(() => target.socket);
  if ("remote" in target) return await far(target.remote);
  if ("remoteName" in target) return await far(await recorded(target.remoteName));
  const { tmpdir = defaultTemporaryDirectory() } = target;
  return localTransport((role) => socketFile(tmpdir, role));
}

function defaultTemporaryDirectory(): string {
  try {
    return defaultDirectories(process.platform).temporary;
  } catch (cause) {
    throw new InputError("argument", `${(cause as Error).message} as tmpdir`, { cause });
  }
}

/** TLS and certificates are loaded only for hosts that need them. */
async function far(options: RemoteOptions): Promise<Transport> {
  const { remoteTransport } = await import("./remote-transport.ts");
  return await remoteTransport(options);
}

async function recorded(name: string): Promise<RemoteOptions> {
  const { configFile, readRemotes } = await import("../remotes.ts");
  const path = configFile(process.env);
  const remotes = readRemotes(path);
  const found = remotes.get(name);
  if (found === undefined) {
    const known = [...remotes.keys()].join(", ");
    throw new InputError(
      "configuration",
      `There is no remote ${name} in ${path}. ${known === "" ? "None is recorded yet: see albatross-client remote add --help" : `Recorded are ${known}`}`,
    );
  }
  // What is not recorded has the names that albatross-client looks for.
  const { ca = "ca.pem", caKey = "ca.key", serverCa = "cacert.pem" } = found;
  return { ...found, ca, caKey, serverCa };
}
