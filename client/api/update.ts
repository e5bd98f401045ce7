/**
 * Updates unikernels from a server of reproducible builds.
 *
 * @module
 */
import { BuildsServer, type ImageDownload } from "../builds/builds-server.ts";
import { doubtAbout, runningArguments, verifyAnnounced } from "../builds/check-image.ts";
import { findNewerBuild } from "../builds/newer-build.ts";
import { trustAnchors } from "../builds/trust-anchors.ts";
import { InputError } from "../errors.ts";
import { ValueError } from "../value-error.ts";
import { parseHttpHost } from "../values/http-host.ts";
import { checkDevices, compression, startWith } from "./create.ts";
import { openImageInput } from "./input.ts";
import { asOne, type NameInput } from "./names.ts";
import { pemOf } from "./remote-transport.ts";
import { expectSuccess } from "./replies.ts";
import type { Started, WatchOptions } from "./started.ts";
import type { CallOptions, Transport } from "./transport.ts";

/** The server of builds, and what is done. */
export interface UpdateOptions extends WatchOptions, CallOptions {
  /** `http[s]://HOST[:PORT]`. @default {"https://builds.robur.coop"} */
  readonly httpHost?: string | undefined;
  /** Authorities that are trusted besides the system's, PEM or a path. */
  readonly httpCa?: string | undefined;
  /** Only finds out whether there is something new. @default {false} */
  readonly dryRun?: boolean | undefined;
  /** How much the image is compressed on the way: 0 to 9. By itself 0 on this host, else 9 where that pays. */
  readonly compressionLevel?: number | undefined;
}

/** What an update has found and done. */
export interface Updated {
  /** It is the latest build already; nothing was done. */
  readonly upToDate: boolean;
  /** Where people see what has changed; `undefined` if nothing has. */
  readonly compare: string | undefined;
  /** Why the server does not stand by the image that it has sent; `undefined` if it does. */
  readonly doubt: string | undefined;
  /** The start of the new build; `undefined` if there was none. */
  readonly started: Started | undefined;
}

const HOST = "https://builds.robur.coop";

/** See {@link Albatross.update}. */
export async function updateUnikernel(
  transport: Transport,
  given: NameInput,
  options: UpdateOptions,
): Promise<Updated> {
  const name = asOne(given);
  const { signal } = options;
  const compressionLevel = compression(options.compressionLevel);
  const server = await serverOf(options);
  const { reply, status } = await transport.info(name, { signal });
  const [running, ...more] = expectSuccess(reply, "unikernels").unikernels;
  if (running?.info.type !== "solo5" || more.length > 0) {
    throw new InputError("argument", `Cannot update ${name.text}: there is no solo5 unikernel of this name`);
  }
  const digest = running.info.digest.toHex();
  const nothing = { doubt: undefined, started: undefined };
  const newer = await findNewerBuild(server, digest);
  if (newer === undefined) return { upToDate: true, compare: undefined, ...nothing };
  const { latest, compare } = newer;
  if (options.dryRun === true) return { upToDate: false, compare, ...nothing };
  const begun = Promise.withResolvers<ImageDownload>();
  // Begun when there is where to write it: whoever does not take an answer would have to end it.
  async function* chunks(): AsyncGenerator<Uint8Array, void> {
    const answer = await server.image(latest);
    begun.resolve(answer);
    yield* answer.chunks;
  }
  using file = await openImageInput(chunks(), signal);
  const download = await begun.promise;
  const fresh = await file.digest();
  verifyAnnounced(fresh, download);
  const settings = runningArguments(running.info, status?.[0]?.addName);
  checkDevices(file, settings);
  if (fresh.toHex() === digest) return { upToDate: true, compare: undefined, ...nothing };
  const doubt = await doubtAbout(server, fresh.toHex(), latest, download);
  const type = running.info.type;
  const started = await startWith(transport, name, { ...settings, type }, file, true, { ...options, compressionLevel });
  return { upToDate: false, compare, doubt, started };
}

async function serverOf({ httpHost = HOST, httpCa, signal }: UpdateOptions): Promise<BuildsServer> {
  const further = httpCa === undefined ? undefined : await pemOf(httpCa);
  const anchors = () => trustAnchors(process.env, further);
  try {
    return new BuildsServer(parseHttpHost(httpHost), { trustAnchors: anchors, signal });
  } catch (cause) {
    if (!(cause instanceof ValueError)) throw cause;
    throw new InputError("argument", `Cannot use the server ${httpHost}: ${cause.message}`, { cause });
  }
}
