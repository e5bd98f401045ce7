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
