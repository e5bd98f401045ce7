/**
 * The value of `--destination`: `HOST[:PORT]` (client.md 3).
 *
 * @module
 */
import { ValueError } from "../value-error.ts";

/** The port of the endpoint unless another is given (as `DEFAULT_PORT` of the client library, which is not loaded here). */
export const DEFAULT_PORT = 1025;

/** Where an endpoint is; or that the certificates are only shown. */
export type Destination = { readonly host: string; readonly port: number } | "-";

const hostName = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,62}(?:\.[a-z0-9-]{1,63})*)\.?$/i;
const ipv4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/;
const zone = /%[\w.-]+$/;

/**
 * Parses a destination. What stands after the last colon is the port, so an IPv6 address always has one.
 *
 * @throws {ValueError}
 */
export function parseDestination(text: string): Destination {
  const colon = text.lastIndexOf(":");
  const host = colon < 0 ? text : text.slice(0, colon);
  const port = colon < 0 ? DEFAULT_PORT : parsePort(text.slice(colon + 1));
  if (host === "-") return "-";
  const bare = host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
  if (bare.includes(":") ? isIpv6(bare) : bare === host && (ipv4.test(host) || hostName.test(host))) {
    return { host: bare, port };
  }
  throw new ValueError(
    (style) =>
      `${style.quote(text)}: ${style.quote(host)} is neither an IP address nor a host name (HOST[:PORT] is expected)`,
  );
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw new ValueError("failed to parse port");
  return port;
}

function isIpv6(text: string): boolean {
  try {
    new URL(`http://[${text.replace(zone, "")}]`);
    return true;
  } catch {
    return false;
  }
}
