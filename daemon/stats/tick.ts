/**
 * What happens at every interval (stats.md 4).
 *
 * @module
 */
import type { Report } from "../../plugins/reporter.ts";
import type { StatsService } from "./stats-handlers.ts";
import type { Measured } from "./subscriptions.ts";

/** Who is told of everything that was measured. It neither throws nor waits. */
export interface SampleTaker {
  report(samples: readonly Report[]): void;
}

/** Measures what somebody wants, all at one moment and in the order of the names, and then sends it. */
export function tick(
  { registry, subscriptions, log }: StatsService,
  takers: readonly SampleTaker[] = [],
  now: () => number = Date.now,
): void {
  if (subscriptions.count === 0 && takers.length === 0) return;
  try {
    const samples = registry.names.flatMap((name): Measured[] => {
      const statistics = takers.length > 0 || subscriptions.wanted(name) ? registry.measure(name) : undefined;
      return statistics === undefined ? [] : [{ name, statistics }];
    });
    const time = now();
    subscriptions.send(samples);
    if (takers.length === 0 || samples.length === 0) return;
    const reports = samples.map(({ name, statistics }) => ({ name: name.text, time, statistics }));
    for (const taker of takers) taker.report(reports);
  } catch (error) {
    log.error(
      `an interval went without statistics: ${error instanceof Error ? (error.stack ?? error.message) : error}`,
    );
  }
}
