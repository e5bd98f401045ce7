/**
 * The endpoint's own transport: TCP, on an address or on a socket that was passed.
 *
 * @module
 */
import { listenTcp } from "../runtime/tcp-socket.ts";
import type { Transport } from "./transport.ts";

/** Where to listen: a descriptor that systemd passed, or an address. */
export type TcpPlace = { readonly fd: number } | { readonly address: string; readonly port: number };

/** @param failed told of what goes wrong on a connection */
export function tcpTransport(place: TcpPlace, failed: (error: Error) => void): Transport {
  return {
    name: "tcp",
    listen(accept) {
      const listener = listenTcp(place, accept, { failed });
      const where = "fd" in place ? "the socket from systemd" : `${place.address} port ${listener.port}`;
      return { where, close: () => listener.close() };
    },
  };
}
