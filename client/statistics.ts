/**
 * Statistics of unikernels, as albatross-stats sends them to whoever subscribes.
 *
 * @module
 */
import { Name } from "../core/name.ts";
import type { Statistics } from "../core/statistics.ts";
import { DATA_FRAME_LIMIT } from "../core/wire/framing.ts";
import type { ClientOptions } from "./connection.ts";
import { ProtocolError } from "./errors.ts";
import { follow, openLocal } from "./follow.ts";

/** A sample of one unikernel. */
export interface StatisticsSample {
  /** The full name, whatever was subscribed to. */
  readonly name: Name;
  /** The name as it was sent: without the path of the subscription. */
  readonly relativeName: Name;
  readonly statistics: Statistics;
}

/** How statistics are subscribed to. */
export interface StatisticsOptions extends ClientOptions {
  /** The sequence number of the command, as its answer repeats it; 0 unless given. */
  readonly sequence?: bigint;
  /** Called when the daemon has accepted the subscription. */
  readonly subscribed?: () => void;
}

/** The full name that a name in the data of a subscription stands for (stats.md 4). */
export function absoluteName(subscription: Name, relative: Name): Name {
  return subscription.path.length === 0 ? relative : new Name([...subscription.path, ...relative.path], relative.label);
}

/**
 * Subscribes to a unikernel, or to all below a path, and gives samples as they come, until the daemon closes the
 * connection. The connection ends with the iteration.
 *
 * @param path the socket of albatross-stats
 * @throws {ConnectError} if the daemon is not there
 * @throws {RefusedError} if it refuses
 * @throws {ProtocolError} if the connection breaks, or carries something else
 * @throws {AbortedError}
 */
export async function* subscribeStatistics(
  path: string,
  name: Name,
  options: StatisticsOptions = {},
): AsyncGenerator<StatisticsSample, void> {
  const limits = { frameLimit: DATA_FRAME_LIMIT, ...options };
  const opened = await openLocal(path, name, { kind: "statistics-subscribe" }, limits, options.sequence);
  for await (const { header, payload } of follow(opened, options.subscribed)) {
    if (payload.kind !== "data" || payload.data.kind !== "statistics") {
      throw new ProtocolError(`A ${payload.kind} message came instead of a sample`);
    }
    const relativeName = header.name;
    yield { name: absoluteName(name, relativeName), relativeName, statistics: payload.data.statistics };
  }
}
