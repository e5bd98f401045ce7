/**
 * Where metrics are served. Apart from the server, since every start of a daemon reads its command line.
 *
 * @module
 */

/** Where metrics are served: never beyond this host, since they tell what all tenants do. */
export type MetricsAddress =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: "127.0.0.1" | "::1"; readonly port: number };

/**
 * Reads `/path/of/a.socket`, `PORT`, `127.0.0.1:PORT`, `localhost:PORT` or `[::1]:PORT`.
 *
 * @throws {RangeError} that says what is expected
 */
export function parseMetricsAddress(text: string): MetricsAddress {
  if (text.startsWith("/")) return { kind: "unix", path: text };
  const [, given = "127.0.0.1", digits = ""] = /^(?:(127\.0\.0\.1|localhost|\[::1\]):)?(\d{1,5})$/.exec(text) ?? [];
  const port = digits === "" ? Number.NaN : Number(digits);
  if (!(port <= 65_535)) {
    throw new RangeError(
      `invalid value ${text}, expected the path of a socket, or a port of 127.0.0.1 or [::1]: metrics are for this host only. Let a proxy that checks who asks serve others`,
    );
  }
  return { kind: "tcp", host: given === "[::1]" ? "::1" : "127.0.0.1", port };
}
