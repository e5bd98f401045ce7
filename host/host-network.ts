/**
 * The host's bridges, and the taps that connect unikernels to them (daemon.md 17).
 *
 * @module
 */
import { type ByteString, toDisplay } from "../core/byte-string.ts";

/** What albatrossd needs of the host's network; one implementation for each operating system. */
export interface HostNetwork {
  /** Whether there is a bridge of this name. */
  bridgeExists(bridge: ByteString): boolean;
  /**
   * Checks that there is a bridge of this name.
   *
   * @throws {HostNetworkError} with the text for the client: `interface <bridge> does not exist`
   */
  checkBridge(bridge: ByteString): void;
  /** All bridges, ascending in byte order. */
  listBridges(): readonly ByteString[];
  /**
   * Creates a tap for each of `bridges`, in this order, up and attached to it: on Linux `vmmtap<n>` with the smallest free
   * `n`, on FreeBSD the `tap<n>` that the kernel chooses. All or none are created. The tap stays when this program ends.
   *
   * @throws {HostNetworkError} with the text for the client; everything is undone then
   */
  createTaps(bridges: readonly ByteString[], options?: TapOptions): Promise<readonly string[]>;
  /** Creates one tap, see {@link HostNetwork.createTaps}. */
  createTap(bridge: ByteString, options?: TapOptions): Promise<string>;
  /**
   * Destroys a tap that {@link HostNetwork.createTaps} made. Takes some 20 ms on Linux, but does not block this program.
   *
   * @returns `false` if there is no such tap
   * @throws {HostNetworkError} e.g. while a process uses it
   */
  destroyTap(tap: string): Promise<boolean>;
  /** The existing taps of ours, ascending by number. */
  listTaps(options?: TapSelection): readonly string[];
}

/** How a tap is made. */
export interface TapOptions {
  /** The user that may open it, if not only root. */
  readonly owner?: number;
  /** A text that says whose it is, at most 255 bytes: whoever finds the tap can tell. */
  readonly alias?: string;
}

/** Which taps are meant. */
export interface TapSelection {
  /** Those with exactly this alias; all if absent. */
  readonly alias?: string;
}

/** A request for the host's network failed. `message` is the text for the client. */
export class HostNetworkError extends Error {
  override readonly name = "HostNetworkError";
}

/** The refusal of an interface that is not there; the original's words (daemon.md 7). */
export function missingInterface(bridge: ByteString): HostNetworkError {
  return new HostNetworkError(`interface ${toDisplay(bridge)} does not exist`);
}

/** Any error as a {@link HostNetworkError}, with its text. */
export function asHostNetworkError(error: unknown): HostNetworkError {
  if (error instanceof HostNetworkError) return error;
  return new HostNetworkError(error instanceof Error ? error.message : String(error), { cause: error });
}

/** Runs `action`. @throws {HostNetworkError} whatever it throws */
export function attempt<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw asHostNetworkError(error);
  }
}

/**
 * What is told of a failure, after what was made before it has been removed.
 *
 * @param removals of the taps that were made
 */
export async function failureAfter(error: unknown, removals: readonly Promise<unknown>[]): Promise<HostNetworkError> {
  const removed = await Promise.allSettled(removals);
  const failures = removed.flatMap((result): unknown[] => (result.status === "rejected" ? [result.reason] : []));
  const first = asHostNetworkError(error);
  if (failures.length === 0) return first;
  const cause = new AggregateError([error, ...failures]);
  return new HostNetworkError(`${first.message}; and removing the taps made so far failed`, { cause });
}
