/**
 * A recorded host as JSON.
 *
 * @module
 */

import type { Remote } from "../../client/remotes.ts";
import type { JsonObject } from "../json.ts";

/** `{"name", "host", "port", "ca", "caKey", "serverCa", "serverName", "serverKey"}`; what is not recorded is null. */
export function jsonRemote(name: string, remote: Remote): JsonObject {
  return {
    name,
    host: remote.host,
    port: remote.port,
    ca: remote.ca ?? null,
    caKey: remote.caKey ?? null,
    serverCa: remote.serverCa ?? null,
    serverName: remote.serverName ?? null,
    serverKey: remote.serverKey ?? null,
  };
}

/** `HOST:PORT`, with brackets around an IPv6 address. */
export function addressText({ host, port }: Remote): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
