/**
 * What becomes of a unikernel that was just started.
 *
 * @module
 */
import type { Name } from "../../core/name.ts";
import { failedEarly, watchUnikernel } from "../watch.ts";
import { type ConsoleLine, consoleLine } from "./console-line.ts";
import type { Transport } from "./transport.ts";

/** Whether a start is watched. */
export interface WatchOptions {
  /**
   * Looks for a third of a second whether the unikernel keeps running. Only on this host: with others every look would
   * take a certificate and a handshake of its own. @default {false}
   */
  readonly watch?: boolean | undefined;
}

/**
 * What a unikernel did in the first third of a second.
 *
 * @example
 * ```ts
 * import { connect, type EarlyLife, type WatchOptions } from "albatross";
 *
 * const watching: WatchOptions = { watch: true };
 * const describe = ({ state, milliseconds }: EarlyLife) => `${state} after ${milliseconds} ms`;
 * const albatross = await connect({ tmpdir: "/run/albatross" });
 * const { early } = await albatross.restart("hello", watching);
 * if (early !== undefined) console.log(describe(early));
 * ```
 */
export interface EarlyLife {
  /** `restarting`: it ended, and is started again and again. `unknown`: the daemon did not answer. */
  readonly state: "running" | "ended" | "restarting" | "unknown";
  /** Whether it came to a bad end. */
  readonly failed: boolean;
  /** The status it ended with last, where it said so. */
  readonly exitStatus: number | undefined;
  /** From the start to its end, or that of watching. */
  readonly milliseconds: number;
  /** Its last console lines. */
  readonly lines: readonly ConsoleLine[];
}

/**
 * A start that the daemon has acknowledged.
 *
 * @example
 * ```ts
 * import { connect, type Started } from "albatross";
 *
 * const albatross = await connect({ tmpdir: "/run/albatross" });
 * const started: Started = await albatross.create("web", { image: "ticker.hvt", memoryMb: 16, watch: true });
 * if (started.early?.failed) throw new Error(`it ended: ${started.early.lines.at(-1)?.text}`);
 * ```
 */
export interface Started {
  /** The host had the image already, so it was not sent. */
  readonly present: boolean;
  /** What it did then; `undefined` unless it was watched. */
  readonly early: EarlyLife | undefined;
}

/** Watches a unikernel if that is wanted. `since`: before the command was sent, milliseconds since 1970. */
export async function earlyLife(
  { socketOf }: Transport,
  name: Name,
  since: number,
  { watch = false, signal }: WatchOptions & { readonly signal?: AbortSignal | undefined },
): Promise<EarlyLife | undefined> {
  if (!watch || socketOf === undefined) return undefined;
  const watched = await watchUnikernel({ daemon: socketOf("vmmd"), console: socketOf("console"), name, since, signal });
  const lines = watched.lines.map(({ timestamp, line }) => consoleLine(timestamp, line));
  return { ...watched, failed: failedEarly(watched), lines };
}
