/**
 * The flags of the endpoint (pki.md 13).
 *
 * @module
 */
import { existsSync, statSync } from "node:fs";
import { tmpdir as systemTemporary } from "node:os";
import { parseAddress } from "../../core/ip-address.ts";
import { activationFlag, tmpdirFlag } from "../common/daemon-flags.ts";
import { type Flag, integer, switchFlag, UsageError, valueFlag } from "../common/flags.ts";
import { ownInfluxFlag } from "../common/influx-flag.ts";
import { metricsFlag } from "../common/metrics.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";

/** Every address of this host, of IPv6 and IPv4. */
const DEFAULT_ADDRESS = "::";

export const DEFAULT_PORT = 1025;

const MIB = 1024 * 1024;

const PORT_MAX = 65_535;

/** The longest time that may be chosen, milliseconds: timers take no more than 24 days, and end at once then. */
export const TIMEOUT_MAX: number = 24 * 24 * 3600 * 1000;

/** Where streams are kept unless told otherwise: a disk rather than memory, as /tmp and /run often are. */
function defaultSpool(): string {
  const given = process.env["TMPDIR"];
  if (given !== undefined && existsSync(given)) return given;
  return existsSync("/var/tmp") ? "/var/tmp" : systemTemporary();
}

function directory(text: string): string {
  if (statSync(text, { throwIfNoEntry: false })?.isDirectory() !== true) throw new UsageError(`no ${text} directory`);
  return text;
}

/** A file that must exist. */
export function existingFile(text: string): string {
  const status = statSync(text, { throwIfNoEntry: false });
  if (status === undefined) throw new UsageError(`no ${text} file`);
  if (status.isDirectory()) throw new UsageError(`${text} is a directory`);
  return text;
}

/** A limit: an integer of at least 1, multiplied by `unit`. */
function limit(name: string, placeholder: string, help: string, absent: number, unit = 1, most?: number): Flag<number> {
  const parse = (text: string) => {
    const value = integer(1, "must be at least 1")(text) * unit;
    if (most !== undefined && value > most) throw new UsageError(`must be at most ${most / unit}`);
    return value;
  };
  return valueFlag(name, placeholder, `${help}, ${absent / unit} unless given.`, parse, () => absent);
}

const d = DEFAULT_LIMITS;

export const endpointFlags = {
  tmpdir: tmpdirFlag,
  address: valueFlag(
    "--ip",
    "IP",
    `Address to listen on, ${DEFAULT_ADDRESS} unless given. Addresses of IPv6 also accept IPv4.`,
    (text) => {
      if (parseAddress(text) === undefined) throw new UsageError(`invalid value ${text}, expected an IP address`);
      return text;
    },
    () => DEFAULT_ADDRESS,
  ),
  port: valueFlag<number | undefined>(
    "--port",
    "N",
    `TCP port to listen on, ${DEFAULT_PORT} unless given.`,
    (text) => {
      const value = integer(0, "must be at least 0")(text);
      if (value > PORT_MAX) throw new UsageError(`must be at most ${PORT_MAX}`);
      return value;
    },
    () => undefined,
  ),
  activation: activationFlag,
  metrics: metricsFlag,
  influx: ownInfluxFlag,
  inetd: switchFlag(["--inetd"], "Serve the one connection on standard input, then exit. Needs --syslog or --quiet."),
  authorities: {
    names: ["--ca"],
    placeholder: "FILE",
    help: "A further CA that clients' certificates may lead to, besides CA; may be repeated.",
    repeatable: true,
    read: (values: readonly string[]) => values.map(existingFile),
  },
  revocations: valueFlag<string | undefined>(
    "--crl-directory",
    "DIR",
    "Directory of revocation lists (*.crl, *.pem, *.der). Newer ones that clients bring are kept there.",
    directory,
    () => undefined,
  ),
  spool: valueFlag(
    "--spool",
    "DIR",
    "Directory for images while they are received; TMPDIR or /var/tmp unless given.",
    directory,
    defaultSpool,
  ),
  connections: limit("--max-connections", "N", "Connections at a time", d.connections),
  perAddress: limit("--max-connections-per-address", "N", "Connections at a time from one address", d.perAddress),
  handshake: limit("--handshake-timeout", "SECONDS", "How long a handshake may take", d.handshake, 1000, TIMEOUT_MAX),
  idle: limit(
    "--idle-timeout",
    "SECONDS",
    "How long a client may be idle while it is waited for",
    d.idle,
    1000,
    TIMEOUT_MAX,
  ),
  certificate: limit(
    "--max-certificate-size",
    "MIB",
    "The largest chain of a client",
    d.certificate,
    MIB,
    d.certificate,
  ),
  certificateMemory: limit(
    "--certificate-memory",
    "MIB",
    "Memory for large chains of clients that are not authenticated yet",
    d.certificateMemory,
    MIB,
  ),
  stream: limit("--max-stream-size", "MIB", "The longest image or block stream", d.stream, MIB),
} satisfies Record<string, Flag<unknown>>;

/** The limits among the flags' values. */
export function limitsOf(values: Limits): Limits {
  const { connections, perAddress, handshake, idle, certificate, certificateMemory, stream } = values;
  return { connections, perAddress, handshake, idle, certificate, certificateMemory, stream };
}
