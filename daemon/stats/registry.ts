/**
 * The unikernels that can be measured: which process and which interfaces each name stands for (stats.md 3).
 *
 * @module
 */
import {
  type Collector,
  CollectorError,
  type CollectorSource,
  type CollectorTarget,
} from "../../backends/collector.ts";
import type { Name } from "../../core/name.ts";
import type { Statistics } from "../../core/statistics.ts";
import { compareTreeOrder } from "../../core/tree.ts";
import type { Log } from "../common/log.ts";

/** Unikernels at a time. */
export const UNIKERNELS_MAX = 10_000;

/** Network devices of a unikernel. */
export const INTERFACES_MAX = 64;

/** How long albatrossd may take to name its unikernels again after a new connection: milliseconds. */
export const CONFIRM_MS = 10_000;

/** A unikernel cannot be measured. `message` is the text for the client. */
export class RegistryError extends Error {
  override readonly name = "RegistryError";
}

/**
 * Who told of a unikernel: a connection of albatrossd, counted, or somebody else. What albatrossd told of lasts as long as
 * it stands by it, over the loss of a connection, too.
 */
export type Origin = number | "client";

interface Source {
  readonly collector: Collector;
  /** Whether its last reading failed: that is logged once. */
  failing: boolean;
}

interface Entry {
  readonly name: Name;
  readonly origin: Origin;
  readonly sources: readonly Source[];
}

export class Registry {
  readonly #sources: readonly CollectorSource[];
  readonly #log: Log;
  readonly #entries = new Map<string, Entry>();
  #ordered: readonly Entry[] | undefined;
  #added = 0;

  constructor(sources: readonly CollectorSource[], log: Log) {
    this.#sources = sources;
    this.#log = log;
  }

  /** Unikernels that can be measured now, and that ever were. */
  get counts(): { readonly active: number; readonly total: number } {
    return { active: this.#entries.size, total: this.#added };
  }

  /** Their names, in the order in which they are measured. */
  get names(): readonly Name[] {
    this.#ordered ??= [...this.#entries.values()].sort((a, b) => compareTreeOrder(a.name, b.name));
    return this.#ordered.map(({ name }) => name);
  }

  /**
   * Names a process. One that is known by this name is replaced.
   *
   * @throws {RegistryError} if there are too many
   */
  add(name: Name, origin: Origin, target: CollectorTarget): void {
    const known = this.#entries.get(name.text);
    if (known === undefined && this.#entries.size >= UNIKERNELS_MAX) {
      throw new RegistryError(`too many unikernels are measured, the limit is ${UNIKERNELS_MAX}`);
    }
    if (target.interfaces.length > INTERFACES_MAX) {
      throw new RegistryError(`too many interfaces, the limit is ${INTERFACES_MAX}`);
    }
    const sources: Source[] = [];
    for (const source of this.#sources) {
      try {
        sources.push({ collector: source.open(target), failing: false });
      } catch (error) {
        if (!(error instanceof CollectorError)) throw error;
        this.#log.warning(`${name.toDisplay()} lacks statistics of ${source.name}: ${error.message}`);
      }
    }
    if (known !== undefined) close(known);
    this.#entries.set(name.text, { name, origin, sources });
    this.#added++;
    this.#ordered = undefined;
  }

  /** Forgets a name. @returns whether it was known */
  remove(name: Name): boolean {
    const known = this.#entries.get(name.text);
    if (known === undefined) return false;
    close(known);
    this.#entries.delete(name.text);
    this.#ordered = undefined;
    return true;
  }

  /** Forgets what earlier connections of albatrossd told of, and the present one did not. */
  forgetBefore(connection: number): void {
    for (const { name, origin } of [...this.#entries.values()]) {
      if (origin === "client" || origin >= connection) continue;
      this.#log.info(`albatrossd does not know ${name.toDisplay()} any more`);
      this.remove(name);
    }
  }

  /**
   * Measures. A reading that fails is no reason to forget anybody: the next one may succeed.
   *
   * @returns `undefined` if the process could not be measured
   */
  measure(name: Name): Statistics | undefined {
    const entry = this.#entries.get(name.text);
    if (entry === undefined) return undefined;
    let merged: Partial<Statistics> = {};
    for (const source of entry.sources) {
      try {
        merged = { ...merged, ...source.collector.sample() };
        source.failing = false;
      } catch (error) {
        if (!(error instanceof CollectorError)) throw error;
        if (!source.failing) {
          const text = `a reading of ${name.toDisplay()} failed: ${error.message}`;
          if (error.reason === "gone")
            this.#log.info(text); // albatrossd will tell of its end
          else this.#log.warning(text);
        }
        source.failing = true;
      }
    }
    const { resourceUsage, interfaces = [], hypervisor, memory } = merged;
    if (resourceUsage === undefined) return undefined;
    // The original's order: the last one first.
    return { resourceUsage, interfaces: interfaces.toReversed(), hypervisor, memory };
  }

  /** Forgets everything. */
  close(): void {
    for (const entry of this.#entries.values()) close(entry);
    this.#entries.clear();
    this.#ordered = undefined;
  }
}

function close(entry: Entry): void {
  for (const { collector } of entry.sources) collector.close();
}
