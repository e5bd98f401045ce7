/**
 * The interface between albatross-stats and what measures a unikernel: a source of statistics of one kind.
 *
 * A source is *opened* for one unikernel, which gives a collector; the collector is *sampled* at each tick and at last
 * closed. All of this is quick and never waits: sources ask the kernel only. Several sources can measure the same
 * unikernel, each gives those parts of the {@link Statistics} that it knows.
 *
 * @module
 */
import type { ByteString } from "../core/byte-string.ts";
import type { Statistics } from "../core/statistics.ts";

/** The version of this interface; a source of another one is refused. */
export const COLLECTOR_INTERFACE_VERSION = 1;

/**
 * Why nothing was measured:
 *
 * - `gone`: there is no such process (any more), or the system hides it
 * - `refused`: it is there, but this user may not look at it
 * - `unavailable`: this host lacks what the source needs, for every unikernel
 * - `failed`: anything else
 */
export type CollectorFailure = "gone" | "refused" | "unavailable" | "failed";

/**
 * A source has nothing to give. `message` says what was attempted, why it failed, and what to do; advice that holds for
 * the whole host is only in the first message of each source. Except for `unavailable`, the next sample may succeed.
 */
export class CollectorError extends Error {
  override readonly name = "CollectorError";
  readonly reason: CollectorFailure;

  constructor(message: string, reason: CollectorFailure, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.reason = reason;
  }
}

/** What is to be measured, as the command stats `add` tells it. */
export interface CollectorTarget {
  readonly pid: number;
  /** The virtual machine's name for the hypervisor: `solo5-<pid>`, `alba-<n>`. */
  readonly machine: ByteString;
  /** Network devices: the unikernel's name for it, and the host's interface. */
  readonly interfaces: readonly { readonly device: ByteString; readonly tap: ByteString }[];
}

/**
 * What one source measured. `interfaces` has the order of the target's, without those that did not exist when the
 * collector was opened, and without those that could not be read now. A part that the source never measures is absent.
 */
export type Sample = Partial<Statistics>;

/** A source, opened for one unikernel. */
export interface Collector {
  /**
   * Measures once.
   *
   * @throws {CollectorError} if the source has nothing to give this time
   */
  sample(): Sample;
  /** Releases everything; may be called again. A closed collector must not be sampled. */
  close(): void;
}

/** A source of statistics. */
export interface CollectorSource {
  readonly interfaceVersion: typeof COLLECTOR_INTERFACE_VERSION;
  /** Short unique name: `linux`, `freebsd`, `bhyve`. */
  readonly name: string;
  /**
   * Prepares to measure a unikernel. Whether it exists is only found out by sampling.
   *
   * @throws {CollectorError} `unavailable` if nothing can be measured on this host
   */
  open(target: CollectorTarget): Collector;
}
