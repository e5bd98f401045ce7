/**
 * Giving back memory.
 *
 * @module
 */

/**
 * Has unreachable memory collected soon, without waiting for it.
 *
 * The collector goes by the size of JavaScript's own heap, and does not see that a few small objects hold megabytes of
 * received bytes: after work that moves many of these, a daemon would keep them for long.
 */
export function collectSoon(): void {
  if (typeof Bun !== "undefined") Bun.gc(false);
}

/** Bytes after which {@link collectEvery} has garbage collected. */
const COLLECT_STEP = 2 * 2 ** 20;

/** Has garbage collected again and again while much data is moved. @returns what is told of the bytes that were moved */
export function collectEvery(step: number = COLLECT_STEP): (bytes: number) => void {
  let since = 0;
  return (bytes) => {
    since += bytes;
    if (since < step) return;
    since = 0;
    collectSoon();
  };
}
