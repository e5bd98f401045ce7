/**
 * Listening on all transports.
 *
 * @module
 */
import type { AcceptConnection, Transport, TransportListener } from "../../plugins/transport.ts";
import type { Log } from "../common/log.ts";

/**
 * Listens on the endpoint's own transport, and on those of plugins as far as they work.
 *
 * @throws if the own one does not
 */
export async function listenOnAll(
  own: Transport,
  others: readonly Transport[],
  accept: AcceptConnection,
  log: Log,
): Promise<TransportListener> {
  const listeners = [await own.listen(accept)];
  for (const transport of others) {
    try {
      listeners.push(await transport.listen(accept));
    } catch (error) {
      log.error(`cannot listen on ${transport.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  for (const { where } of listeners) log.info(`listening on ${where}`);
  return {
    where: listeners.map(({ where }) => where).join(", "),
    close() {
      for (const listener of listeners) listener.close();
    },
  };
}
