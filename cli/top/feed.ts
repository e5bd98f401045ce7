/**
 * Keeps the model of `top` up to date: asks for the list again and again, and stays subscribed to the statistics.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { AbortedError, ClientError } from "../../client/errors.ts";
import type { TopModel } from "./model.ts";
import type { TopSource } from "./source.ts";

/** Milliseconds before a lost subscription is tried again. */
const RETRY_MS = 2_000;

/** What went wrong last, of each kind; `undefined` while all is well. */
export interface Troubles {
  list: string | undefined;
  statistics: string | undefined;
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal }).catch(() => undefined); // an abort is seen by who waits
}

/**
 * Feeds `model` until `signal`.
 *
 * @param changed called after every change
 * @throws {ClientError} if the first list cannot be had: later failures are troubles
 */
export async function feed(
  source: TopSource,
  model: TopModel,
  troubles: Troubles,
  changed: () => void,
  signal: AbortSignal,
): Promise<void> {
  const take = async () => {
    const { unikernels, status } = await source.list(signal);
    model.list(unikernels, status);
    troubles.list = undefined;
  };
  await take();
  changed();
  await Promise.all([
    keepListing(take, source.listInterval, troubles, changed, signal),
    measure(source, model, troubles, changed, signal),
  ]);
}

function tell(error: unknown): string {
  if (!(error instanceof ClientError)) throw error;
  return error.message;
}

async function keepListing(
  take: () => Promise<void>,
  interval: number,
  troubles: Troubles,
  changed: () => void,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    await pause(interval, signal);
    if (signal.aborted) return;
    try {
      await take();
    } catch (error) {
      if (signal.aborted) return;
      troubles.list = tell(error);
    }
    changed();
  }
}

async function measure(
  source: TopSource,
  model: TopModel,
  troubles: Troubles,
  changed: () => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      for await (const { name, statistics } of source.samples(signal)) {
        model.sample(name, statistics, performance.now() / 1000);
        troubles.statistics = undefined;
        changed();
      }
      troubles.statistics = "No statistics: albatross-stats closed the connection";
    } catch (error) {
      if (error instanceof AbortedError) return;
      troubles.statistics = `No statistics: ${tell(error)}`;
    }
    changed();
    await pause(RETRY_MS, signal);
  }
}
