/**
 * Memory for certificates of clients that nobody knows yet.
 *
 * A client that announces a large certificate makes OpenSSL reserve its size at once, so only a few may at a time; others
 * wait. A client whose first record is not full has a small certificate, and never waits.
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
  readonly #waiting = new Set<() => void>();

  constructor(limits: Pick<Limits, "certificate" | "certificateMemory">) {
    this.#largest = limits.certificate;
    this.#free = Math.max(1, Math.floor(limits.certificateMemory / Math.max(1, limits.certificate)));
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Asks for permission.
   *
   * @param recordLength of the record in which the certificate begins
   * @param proceed called with the bytes that are allowed: at once, or when it is this client's turn
   */
  enter(recordLength: number, proceed: (bytes: number) => void): Place {
    let state: "waiting" | "large" | "small" | "left" = "waiting";
    const grant = () => {
      this.#waiting.delete(grant);
      this.#free--;
      state = "large";
      proceed(this.#largest);
    };
    const place: Place = {
      leave: () => {
        this.#waiting.delete(grant);
        if (state === "large") {
          this.#free++;
          const [next] = this.#waiting;
          next?.();
        }
        state = "left";
      },
    };
    if (this.#free > 0) {
      grant();
    } else if (recordLength < FULL_RECORD) {
      state = "small";
      proceed(Math.min(SMALL_CERTIFICATE, this.#largest));
    } else {
      this.#waiting.add(grant);
    }
    return place;
  }
}
