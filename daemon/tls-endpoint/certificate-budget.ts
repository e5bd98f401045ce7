/**
 * Memory for certificates of clients that nobody knows yet.
 *
 * A client that announces a large certificate makes OpenSSL reserve its size at once, so only a few may at a time; others
 * wait. A client whose first record is not full has a small certificate, and never waits. Half of the places at most are
 * for one address: whoever holds them by silence or slowness keeps only its neighbours waiting.
 *
 * @module
 */
import type { Limits } from "./limits.ts";
import { SMALL_CERTIFICATE } from "./limits.ts";

/** A record with less than that, bytes, does not begin a certificate that needs several records. */
const FULL_RECORD = 8 * 1024;

/** A place in the budget, or in the queue for it. */
export interface Place {
  /** Gives it back. Once is enough. */
  leave(): void;
}

/** Hands out the permission to receive a certificate. */
export class CertificateBudget {
  readonly #largest: number;
  #free: number;
  readonly #perGroup: number;
  /** Places held, by group. */
  readonly #held = new Map<string, number>();
  /** Who waits, the longest first, with its group. */
  readonly #waiting = new Map<() => void, string>();

  constructor(limits: Pick<Limits, "certificate" | "certificateMemory">) {
    this.#largest = limits.certificate;
    this.#free = Math.max(1, Math.floor(limits.certificateMemory / Math.max(1, limits.certificate)));
    this.#perGroup = Math.max(1, Math.floor(this.#free / 2));
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Asks for permission.
   *
   * @param group what counts as one address
   * @param recordLength of the record in which the certificate begins
   * @param proceed called with the bytes that are allowed: at once, or when it is this client's turn
   */
  enter(group: string, recordLength: number, proceed: (bytes: number) => void): Place {
    let state: "waiting" | "large" | "small" | "left" = "waiting";
    const grant = () => {
      this.#waiting.delete(grant);
      this.#hold(group, 1);
      state = "large";
      proceed(this.#largest);
    };
    const place: Place = {
      leave: () => {
        this.#waiting.delete(grant);
        if (state === "large") {
          this.#hold(group, -1);
          this.#next();
        }
        state = "left";
      },
    };
    if (this.#hasRoom(group)) {
      grant();
    } else if (recordLength < FULL_RECORD) {
      state = "small";
      proceed(Math.min(SMALL_CERTIFICATE, this.#largest));
    } else {
      this.#waiting.set(grant, group);
    }
    return place;
  }

  #hasRoom(group: string): boolean {
    return this.#free > 0 && (this.#held.get(group) ?? 0) < this.#perGroup;
  }

  #hold(group: string, places: 1 | -1): void {
    const held = (this.#held.get(group) ?? 0) + places;
    if (held === 0) this.#held.delete(group);
    else this.#held.set(group, held);
    this.#free -= places;
  }

  /** Lets the next one in who may. */
  #next(): void {
    for (const [grant, group] of this.#waiting) if (this.#hasRoom(group)) return grant();
  }
}
