/**
 * Takes over the state file of the original at the first start.
 *
 * @module
 */
import { existsSync, readFileSync } from "node:fs";
import { apply } from "../../core/engine/apply.ts";
import type { Event } from "../../core/engine/event.ts";
import { EMPTY_STATE } from "../../core/engine/state.ts";
import { Name } from "../../core/name.ts";
import { stateFile } from "../../core/paths.ts";
import { carriesImage } from "../../core/unikernel-type.ts";
import { decodeState } from "../../core/wire/state.ts";
import type { Log } from "../common/log.ts";
import { ImageError, type ImageStore, type StoredImage } from "./images.ts";
import type { Store } from "./store.ts";

async function receive(images: ImageStore, compressed: boolean, bytes: Uint8Array): Promise<StoredImage> {
  const upload = images.receive(compressed);
  if (upload.write(bytes)) await upload.drained();
  return await upload.finish();
}

/** One that cannot be uncompressed is kept as it is: its unikernel is then listed as failed, and the others start. */
async function receiveImage(
  images: ImageStore,
  name: Name,
  compressed: boolean,
  bytes: Uint8Array,
  log: Log,
): Promise<StoredImage> {
  try {
    return await receive(images, compressed, bytes);
  } catch (error) {
    if (!compressed || !(error instanceof ImageError)) throw error;
    log.error(`the image of ${name.toDisplay()} is kept as it is: ${error.message}`);
    return await receive(images, false, bytes);
  }
}

/**
 * Imports `D/state`, if there is one and the store never looked for it: all of it, or nothing.
 *
 * @throws if the file cannot be read or understood; the next start tries again
 */
export async function importState(
  databaseDirectory: string,
  store: Store,
  images: ImageStore,
  log: Log,
  now: () => number,
): Promise<void> {
  if (!store.importDue) return;
  const file = stateFile(databaseDirectory);
  if (!existsSync(file)) {
    // The original renames the former file before it writes the new one: an end in between leaves this.
    const backup = stateFile(databaseDirectory, "backup");
    if (existsSync(backup)) {
      throw new Error(
        `Cannot import ${file}: it is missing, but ${backup} is there, as after an interrupted change. Nothing was started; rename ${backup} to ${file} to take it over, or move it away to start with nothing`,
      );
    }
    log.warning("no state dump found, starting with no unikernels");
    store.recordImport([], EMPTY_STATE);
    return;
  }
  const pinned: StoredImage[] = [];
  try {
    const { unikernels, policies } = decodeState(readFileSync(file));
    const events: Event[] = policies.map(({ name, value }) => ({
      kind: "policy-added",
      name: new Name(name.labels, undefined), // old files may lack the colon that marks a path
      policy: value,
    }));
    for (const { name, value } of unikernels) {
      const { type, compressed, image: bytes, ...given } = value;
      const image = carriesImage(type) ? await receiveImage(images, name, compressed, bytes, log) : undefined;
      if (image !== undefined) {
        pinned.push(image);
        await image.durable();
      }
      const reference = image === undefined ? undefined : { sha256: image.sha256, size: image.size };
      events.push({
        kind: "unikernel-restored",
        name,
        spec: { type, image: reference, arguments: given },
        restarts: 0,
      });
      events.push({ kind: "revision-made", name, command: "imported", at: now() });
    }
    store.recordImport(events, events.reduce(apply, EMPTY_STATE));
    log.warning(`imported ${unikernels.length} unikernels and ${policies.length} policies from ${file}`);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`Cannot import ${file}: ${reason}. Nothing was started; repair the file, or move it away`, {
      cause,
    });
  } finally {
    for (const image of pinned) image.release();
  }
}
