/**
 * Whether an image from a server of builds is what it was asked for.
 *
 * @module
 */
import type { UnikernelArguments, UnikernelInfo } from "../../core/unikernel.ts";
import { HttpError } from "../errors.ts";
import type { Build, BuildsServer, ImageDownload } from "./builds-server.ts";

/** @throws {HttpError} if the image is not the announced one */
export function verifyAnnounced(digest: Uint8Array, { announced }: ImageDownload): void {
  if (announced === undefined || announced.toHex() === digest.toHex()) return;
  throw new HttpError(`the image has the digest ${digest.toHex()}, but the server announced ${announced.toHex()}`);
}

/**
 * Asks a server whether it stands by the image that it has sent.
 *
 * @returns `undefined` if it does, else why not
 * @throws {HttpError} if the image is one of another job
 */
export async function doubtAbout(
  server: BuildsServer,
  digest: string,
  latest: Build,
  { announced }: ImageDownload,
): Promise<string | undefined> {
  let known: Build;
  try {
    known = await server.byDigest(digest);
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    const also = announced === undefined ? "nothing but the connection vouches for it" : "it announced it all the same";
    return `the server does not know the digest ${digest} of the image it has sent (${error.message}): ${also}`;
  }
  if (known.job === latest.job) return undefined;
  throw new HttpError(`the image is one of the job ${known.job}, not of ${latest.job}`);
}

/**
 * The configuration with which a unikernel runs, with explicit names of what is otherwise derived.
 *
 * @param addName as its status tells; `undefined` of a peer of the original, or one far away: the original always passes it
 */
export function runningArguments(info: UnikernelInfo, addName: boolean | undefined): UnikernelArguments {
  return {
    failBehaviour: info.failBehaviour,
    startup: info.startup,
    addName: addName ?? true,
    cpuIds: info.cpuIds,
    memory: info.memory,
    blockDevices: info.blockDevices.map(({ name, device, sectorSize }) => ({ name, device, sectorSize })),
    networks: info.networks,
    arguments: info.arguments,
    cpus: info.cpus,
    linuxBootPartition: info.linuxBootPartition,
  };
}
