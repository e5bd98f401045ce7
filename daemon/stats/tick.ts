/**
 * What happens at every interval (stats.md 4).
 *
 * @module
 */
import type { StatsService } from "./stats-handlers.ts";
import type { Measured } from "./subscriptions.ts";

/** Measures what somebody wants, all at one moment and in the order of the names, and then sends it. */
export function tick({ registry, subscriptions, log }: StatsService): void {
  if (subscriptions.count === 0) return;
  try {
    const samples = registry.names.flatMap((name): Measured[] => {
      const statistics = subscriptions.wanted(name) ? registry.measure(name) : undefined;
      return statistics === undefined ? [] : [{ name, statistics }];
    });
    subscriptions.send(samples);
  } catch (error) {
    log.error(
      `an interval went without statistics: ${error instanceof Error ? (error.stack ?? error.message) : error}`,
    );
  }
}
