/**
 * Lines of consoles.
 *
 * @module
 */
import { plainBytes } from "./plain-bytes.ts";

/**
 * A line that a unikernel has printed.
 *
 * @example
 * ```ts
 * import { type ConsoleLine, connect } from "albatross";
 *
 * const show = ({ time, text }: ConsoleLine) => console.log(`${time.toISOString()} ${text}`);
 * const albatross = await connect({ tmpdir: "/run/albatross" });
 * for await (const line of albatross.console("hello", { count: 3 })) {
 *   show(line);
 *   break;
 * }
 * ```
 */
export interface ConsoleLine {
  /** When it came. */
  readonly time: Date;
  /** What was printed, without the end of the line. */
  readonly bytes: Uint8Array;
  /** The same as text; what is no UTF-8 is replaced by U+FFFD. */
  readonly text: string;
}

const decoder = new TextDecoder();

/** `timestamp`: milliseconds since 1970. */
export function consoleLine(timestamp: number, bytes: Uint8Array): ConsoleLine {
  return { time: new Date(timestamp), bytes: plainBytes(bytes), text: decoder.decode(bytes) };
}
