/**
 * How many contents of block devices, or images, are on their way at a time.
 *
 * @module
 */
import type { Name } from "../../core/name.ts";
import { failure, type Reply } from "./reply.ts";

/** Contents of devices that are received, sent or copied at a time; each needs some megabytes of memory. */
export const BLOCK_STREAMS_MAX = 32;

/** Of these, below one and the same first label: a tenant that is slow, or means it, leaves places for the others. */
export const TENANT_STREAMS_MAX = 8;

/** Counts those of a kind. */
export class Streams {
  /** What is said of too many. */
  readonly #busy: string;
  /** By the first label of the path; those of the root by an empty text. */
  readonly #counts = new Map<string, number>();

  /** @param busy e.g. `images are being compressed` */
  constructor(busy: string) {
    this.#busy = busy;
  }

  /** Counts another one, until the returned function is called. @returns the refusal if there are too many */
  enter({ path }: Name): (() => void) | Reply {
    const tenant: string = path[0] ?? "";
    const own = this.#counts.get(tenant) ?? 0;
    if (tenant !== "" && own >= TENANT_STREAMS_MAX) return this.#tooMany(own);
    const all = this.#counts.values().reduce((sum, count) => sum + count, 0);
    if (all >= BLOCK_STREAMS_MAX) return this.#tooMany(all);
    this.#counts.set(tenant, own + 1);
    return once(() => {
      const left = (this.#counts.get(tenant) ?? 1) - 1;
      if (left === 0) this.#counts.delete(tenant);
      else this.#counts.set(tenant, left);
    });
  }

  #tooMany(count: number): Reply {
    return failure(`${count} ${this.#busy} already; try again later`);
  }
}

/** The work, of which further calls do nothing. */
export function once(work: () => void): () => void {
  let done = false;
  return () => {
    if (!done) work();
    done = true;
  };
}
