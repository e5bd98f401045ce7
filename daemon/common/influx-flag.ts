/**
 * `--influx`, which several daemons have.
 *
 * @module
 */
import { type Flag, UsageError, valueFlag } from "./flags.ts";

/** The port unless told otherwise (influx.md 4). */
export const DEFAULT_INFLUX_PORT = 8094;

/** A host, by name or address, and a port. */
export interface TcpAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * Reads `HOST[:PORT]`. Brackets around an IPv6 address are needed only where a port follows.
 *
 * @throws {UsageError}
 */
export function parseInfluxAddress(text: string): TcpAddress {
  const [, bracketed, plain, bare, digits] =
    /^(?:\[([0-9a-fA-F:.%]+)\]|([^:[\]\s]+)|([0-9a-fA-F.%]*:[0-9a-fA-F:.%]*:[^\s[\]]*))(?::(\d{1,5}))?$/.exec(text) ??
    [];
  const host = bracketed ?? plain ?? bare;
  const port = digits === undefined ? DEFAULT_INFLUX_PORT : Number(digits);
  if (host === undefined || port < 1 || port > 65_535)
    throw new UsageError(`invalid value ${text}, expected HOST[:PORT]`);
  return { host, port };
}

/** `--influx HOST[:PORT]`. `help`: what goes there. */
export function influxFlag(help: string): Flag<TcpAddress | undefined> {
  return valueFlag(
    "--influx",
    "HOST[:PORT]",
    `${help} The port is ${DEFAULT_INFLUX_PORT} unless given.`,
    parseInfluxAddress,
    () => undefined,
  );
}
