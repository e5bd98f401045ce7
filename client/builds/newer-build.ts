/**
 * Whether there is a newer build of what runs.
 *
 * @module
 */
import type { Build, BuildsServer } from "./builds-server.ts";

/** The latest build of a job, if that is not what runs. */
export interface NewerBuild {
  readonly latest: Build;
  /** Where people see what has changed. */
  readonly compare: string;
}

/**
 * Asks a server for the job of an image, and for its latest build.
 *
 * @param digest SHA-256 of the image that runs, in hex
 * @returns `undefined` if it is the latest
 * @throws {HttpError}
 */
export async function findNewerBuild(server: BuildsServer, digest: string): Promise<NewerBuild | undefined> {
  const present = await server.byDigest(digest);
  const latest = { job: present.job, uuid: (await server.latest(present.job)).uuid };
  return present.uuid === latest.uuid ? undefined : { latest, compare: server.compareUrl(present, latest) };
}
