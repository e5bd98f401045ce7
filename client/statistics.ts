/**
 * Statistics of unikernels, as albatross-stats sends them to whoever subscribes.
 *
 * @module
 */
import { Name } from "../core/name.ts";
import type { Statistics } from "../core/statistics.ts";
import { DATA_FRAME_LIMIT } from "../core/wire/framing.ts";
import { ClientConnection, type ClientOptions } from "./connection.ts";
import { ProtocolError } from "./errors.ts";
import { commandMessage, successOf } from "./request.ts";

/** A sample of one unikernel. */
export interface StatisticsSample {
  /** The full name, whatever was subscribed to. */
  readonly name: Name;
  /** The name as it was sent: without the path of the subscription. */
  readonly relativeName: Name;
  readonly statistics: Statistics;
}

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
  const connection = await ClientConnection.open(path, { frameLimit: DATA_FRAME_LIMIT, ...options });
  try {
    const { header, payload } = commandMessage(name, { kind: "statistics-subscribe" });
    await connection.send({ header: { ...header, sequence: options.sequence ?? 0n }, payload });
    let accepted = false;
    for await (const message of connection.messages()) {
      const { payload: content } = message;
      if (content.kind === "data" && content.data.kind === "statistics") {
        const relativeName = message.header.name;
        yield { name: absoluteName(name, relativeName), relativeName, statistics: content.data.statistics };
      } else {
        successOf(message);
        accepted = true;
        options.subscribed?.();
      }
    }
    if (!accepted) throw new ProtocolError(`The connection to ${path} was closed without a reply`);
  } finally {
    connection.close();
  }
}
