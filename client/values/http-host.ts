/**
 * Addresses of HTTP servers: `http[s]://HOST[:PORT]` (client.md 3).
 *
 * @module
 */
import { ValueError } from "../value-error.ts";

/**
 * The address without a slash at its end.
 *
 * @throws {ValueError} `expected http[s]://hostname`
 */
export function parseHttpHost(text: string): string {
  const host = text.endsWith("/") ? text.slice(0, -1) : text;
  const bare = /^https?:\/\/(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/i.test(host);
  if (!bare || !URL.canParse(host)) throw new ValueError("expected http[s]://hostname");
  return host;
}
