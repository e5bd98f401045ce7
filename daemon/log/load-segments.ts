/**
 * What of the log is on the disk when albatross-log is started.
 *
 * @module
 */
import { readdirSync, truncateSync } from "node:fs";
import type { Log } from "../common/log.ts";
import { Segment, segmentNumber } from "./segment.ts";

/** What was found. */
export interface LoadedSegments {
  /** Oldest first. */
  readonly segments: readonly Segment[];
  /** Tells the log from every other; `undefined` if there is none yet. */
  readonly identity: Uint8Array | undefined;
  /** The number of the last event, 0 if there never was one. */
  readonly head: number;
  /** Whether the last file can be gone on with: its first bytes are whole. */
  readonly isSound: boolean;
}

/** The numbers of the files in a directory, ascending. */
export function segmentsIn(directory: string): readonly number[] {
  const numbers = readdirSync(directory).flatMap((file) => segmentNumber(file) ?? []);
  return numbers.sort((a, b) => a - b);
}

/**
 * Reads all files, warns of what is damaged in them, and cuts off what a crash left half-written at their ends.
 *
 * @param saw called with the feeder's number of each event
 * @throws the system's error if a file cannot be read or cut
 */
export function loadSegments(directory: string, log: Log, saw: (feeder: bigint) => void): LoadedSegments {
  const segments: Segment[] = [];
  let identity: Uint8Array | undefined;
  let head = 0;
  let isSound = false;
  const numbers = segmentsIn(directory);
  for (const [at, first] of numbers.entries()) {
    const before = numbers[at + 1] ?? Number.POSITIVE_INFINITY;
    const { segment, log: found, tail, damaged } = Segment.load(directory, first, before, saw);
    if (damaged > 0) log.warning(`${segment.path} is damaged: ${damaged} bytes in it are skipped`);
    if (tail > 0) {
      log.warning(`${segment.path} ends with ${tail} bytes that are no whole event: they are cut off`);
      truncateSync(segment.path, segment.end);
    }
    identity = found ?? identity;
    isSound = found !== undefined;
    segments.push(segment);
    head = Math.max(head, first - 1, segment.count === 0 ? 0 : segment.numberAt(segment.count - 1));
  }
  return { segments, identity, head, isSound };
}
