/**
 * `--influx`, which several daemons have.
 *
 * @module
 */
import { isIPv6 } from "../../core/ip-address.ts";
import type { TcpAddress } from "../../plugins/influx/tcp-sink.ts";
import { type Flag, UsageError, valueFlag } from "./flags.ts";
import type { OwnInfluxOptions } from "./own-influx.ts";

/** The port unless told otherwise (influx.md 4). */
export const DEFAULT_INFLUX_PORT = 8094;

/** The largest port. */
const PORT_MAX = 65_535;

/**
 * Reads `HOST[:PORT]`. Brackets around an IPv6 address are needed only where a port follows.
 *
 * @throws {UsageError}
 */
export function parseInfluxAddress(text: string): TcpAddress {
  const [host, rest] = splitHost(text) ?? [];
  const [matched, digits = String(DEFAULT_INFLUX_PORT)] = /^(?::(\d{1,5}))?$/.exec(rest ?? "-") ?? [];
  const port = Number(digits);
  if (host === undefined || matched === undefined || port < 1 || port > PORT_MAX) {
    throw new UsageError(`invalid value ${text}, expected HOST[:PORT]`);
  }
  return { host, port };
}

/** The host, and what follows it. */
function splitHost(text: string): readonly [string, string] | undefined {
  if (isIPv6(text)) return [text, ""];
  const [, bracketed, after] = /^\[(.*)\](.*)$/.exec(text) ?? [];
  if (bracketed !== undefined) return isIPv6(bracketed) ? [bracketed, after ?? ""] : undefined;
  const [, plain, rest] = /^([^\s:[\]]+)(.*)$/.exec(text) ?? [];
  return plain === undefined ? undefined : [plain, rest ?? ""];
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
