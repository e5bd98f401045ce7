/**
 * The backends that are part of this program, and the choice among backends.
 *
 * @module
 */
import type { UnikernelType } from "../core/unikernel-type.ts";
import { type Backend, BackendRefusal } from "./backend.ts";
import { bhyveBackend } from "./bhyve/bhyve-backend.ts";
import { hvtBackend } from "./hvt/hvt-backend.ts";
import { type ImageDescription, isRunnable, unsupportedTarget } from "./image.ts";
import { sptBackend } from "./spt/spt-backend.ts";

/** In the order in which they are asked. */
export const builtinBackends: readonly Backend[] = [hvtBackend, sptBackend, bhyveBackend];

/**
 * The first of `backends` that is responsible for a unikernel.
 *
 * @throws {BackendRefusal} if none is, for an image of a target without tender in the original's words
 */
export function chooseBackend(
  backends: readonly Backend[],
  type: UnikernelType,
  image: ImageDescription | undefined,
): Backend {
  const backend = backends.find((candidate) => candidate.handles(type, image));
  if (backend !== undefined) return backend;
  if (image !== undefined && !isRunnable(image.target)) throw new BackendRefusal(unsupportedTarget(image.target));
  const names = backends.map(({ name }) => name).join(", ");
  throw new BackendRefusal(
    `Cannot run a unikernel of type ${type} on this host: there are backends for ${names} only. Use one of these`,
  );
}
