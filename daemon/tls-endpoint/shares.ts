/**
 * Something of which there is a certain amount, for all tenants: nobody gets more than half of it.
 *
 * @module
 */
import type { Name } from "../../core/name.ts";

/** What one party holds. */
export interface Share {
  /** Takes more; false if there is not enough left, and nothing is taken then. */
  take(amount: number): boolean;
  /** Gives everything back. */
  leave(): void;
}

export class Shares {
  readonly #total: number;
  readonly #each: number;
  #taken = 0;
  readonly #held = new Map<string, number>();

  constructor(total: number) {
    this.#total = total;
    this.#each = Math.max(1, Math.floor(total / 2));
  }

  /** An empty share of the tenant to whom a name belongs: that of its first label. What has no path stands for itself. */
  of({ path, text }: Name): Share {
    const tenant = path[0] ?? text;
    let own = 0;
    const change = (amount: number) => {
      own += amount;
      this.#taken += amount;
      const held = (this.#held.get(tenant) ?? 0) + amount;
      if (held === 0) this.#held.delete(tenant);
      else this.#held.set(tenant, held);
    };
    return {
      take: (amount) => {
        if (this.#taken + amount > this.#total || (this.#held.get(tenant) ?? 0) + amount > this.#each) return false;
        change(amount);
        return true;
      },
      leave: () => change(-own),
    };
  }
}
