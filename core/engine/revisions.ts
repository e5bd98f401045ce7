/**
 * The revisions of a unikernel: what it was before, so that it can be that again.
 *
 * Each command that gives a unikernel a configuration makes one, also a rollback: numbers only grow, so it is always
 * clear what "the one before" is. Revisions count against no policy; what they may hold is bounded here.
 *
 * @module
 */
import type { Int } from "../int.ts";
import type { UnikernelSpec } from "./state.ts";

/** Revisions that are kept of one unikernel, the present one included. */
export const REVISIONS_MAX = 10;

/** Bytes of images that are kept for one unikernel only because of its former revisions. */
export const REVISION_IMAGES_MAX: number = 256 * 2 ** 20;

/** Unikernels of one tenant that ended by themselves whose revisions are kept: for a rollback after a bad update. */
export const ENDED_REVISIONS_MAX = 16;

/** The command that made a revision; `imported` for what a state file or an older database held. */
export type RevisionCommand = "create" | "force-create" | "restart" | "rollback" | "imported";

/** What a unikernel was, or is. */
export interface Revision {
  /** From 1; the highest one is the present one. */
  readonly number: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly command: RevisionCommand;
  readonly spec: UnikernelSpec;
}

/** The part of a revision that decides how long it is kept. */
export type Kept = Pick<Revision, "number"> & { readonly spec: Pick<UnikernelSpec, "image"> };

/**
 * The number of the oldest revision that is kept: those before it are forgotten. The newest one is always kept, and its
 * image does not count.
 *
 * @param revisions the newest first
 */
export function oldestKept(revisions: readonly Kept[]): number {
  const [newest, ...former] = revisions;
  let oldest = newest?.number ?? 0;
  const images = new Set([newest?.spec.image?.sha256]);
  let bytes = 0;
  for (const { number, spec } of former.slice(0, REVISIONS_MAX - 1)) {
    if (!images.has(spec.image?.sha256)) bytes += spec.image?.size ?? 0;
    if (bytes > REVISION_IMAGES_MAX) break;
    images.add(spec.image?.sha256);
    oldest = number;
  }
  return oldest;
}

/**
 * The revision that a rollback asks for, or why there is none.
 *
 * @param revisions the newest first
 * @param wanted its number; 0 for the one before the newest
 */
export function chooseRevision(revisions: readonly Revision[], wanted: Int): Revision | string {
  if (revisions.length === 0) return "rollback: no unikernel found";
  if (wanted === 0) return revisions[1] ?? "rollback: there is no revision before the present one";
  const found = revisions.find(({ number }) => number === wanted);
  const numbers = revisions.map(({ number }) => number).join(", ");
  return found ?? `rollback: revision ${wanted} is not kept; there are ${numbers}`;
}
