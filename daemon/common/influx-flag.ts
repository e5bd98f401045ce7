/**
 * `--influx`, which several daemons have.
 *
 * @module
 */
import type { TcpAddress } from "../../plugins/influx/tcp-sink.ts";
import { type Flag, UsageError, valueFlag } from "./flags.ts";
import type { OwnInfluxOptions } from "./own-influx.ts";

/** The port unless told otherwise (influx.md 4). */
export const DEFAULT_INFLUX_PORT = 8094;

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

/** `--influx` of a daemon that tells of itself. */
export const ownInfluxFlag: Flag<TcpAddress | undefined> = influxFlag(
  "Send what this daemon is doing there every ten seconds, as lines for Influx.",
);

/** Sends the numbers of a daemon, where it was asked to; what does that is loaded only then. */
export async function startOwnInflux(
  address: TcpAddress | undefined,
  options: Omit<OwnInfluxOptions, "address">,
): Promise<{ close(): void } | undefined> {
  if (address === undefined) return undefined;
  const { sendOwnNumbers } = await import("./own-influx.ts");
  return sendOwnNumbers({ ...options, address });
}
