/**
 * albatross-tls-endpoint: mutual TLS on TCP; turns clients' certificates into commands (pki.md).
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { notifyStopping, takeSystemdSocket } from "../../host/systemd.ts";
import type { MetricFamily } from "../../plugins/openmetrics/family.ts";
import type { MetricsServer } from "../../plugins/openmetrics/metrics-server.ts";
import { RequestMeter } from "../../plugins/openmetrics/request-meter.ts";
import { tcpTransport } from "../../plugins/tcp-transport.ts";
import type { ServerIdentity } from "../../plugins/tls/server-context.ts";
import type { AcceptConnection } from "../../plugins/transport.ts";
import { takeTcp } from "../../runtime/tcp-socket.ts";
import { descriptorLimit } from "../common/descriptor-limit.ts";
import { daemonStarted, daemonStopped, openEventFeed } from "../common/event-feed.ts";
import { type FlagValues, UsageError } from "../common/flags.ts";
import { startOwnInflux } from "../common/influx-flag.ts";
import { startMetrics } from "../common/metrics.ts";
import { type DaemonContext, EXIT_USAGE, runDaemon } from "../common/run-daemon.ts";
import { AccessLog } from "./access-log.ts";
import { DelegationMemory } from "./delegation-memory.ts";
import { Endpoint } from "./endpoint.ts";
import { DESCRIPTORS_PER_CONNECTION, DESCRIPTORS_RESERVED, IMAGES_TOTAL, type Limits } from "./limits.ts";
import { listenOnAll } from "./listen.ts";
import { DEFAULT_PORT, endpointFlags, existingFile, limitsOf } from "./options.ts";
import { Revocations } from "./revocations.ts";
import { Shares } from "./shares.ts";

/** Exit status if inetd's connection would get the log. */
export const EXIT_NO_LOG = 3;

/** What this daemon calls itself towards others. */
const PROGRAM = "albatross-tls-endpoint";

type Values = FlagValues<typeof endpointFlags>;

/** The command line. */
export const definition = {
  program: "albatross-tls-endpoint",
  summary: "Serves clients over TLS: what a client's certificate says is carried out.",
  flags: endpointFlags,
  operands: ["CA", "CERT", "KEY"],
  takesHangup: true,
  plugins: ["transports"] as const,
  isMute: (values: Values) => values.inetd,
};

/** Runs the endpoint until a signal ends it, or inetd's connection is served; gives the exit status. */
export async function run(args: readonly string[], programName: string): Promise<number> {
  return await runDaemon({ ...definition, program: programName }, args, async (values, context) => {
    if (values.inetd && !context.logging.syslog && !context.logging.quiet) return EXIT_NO_LOG;
    const complaint = usageComplaint(values, context.operands);
    if (complaint !== undefined) {
      if (!values.inetd) process.stderr.write(`${programName}: ${complaint}\n`);
      return EXIT_USAGE;
    }
    return await serve(values, context);
  });
}

function usageComplaint(values: Values, operands: readonly string[]): string | undefined {
  if (values.activation && values.port !== undefined) {
    return "Options --port and --systemd-socket-activation are not compatible";
  }
  if (values.inetd && (values.activation || values.port !== undefined)) {
    return "Option --inetd is not compatible with --port and --systemd-socket-activation";
  }
  try {
    for (const file of operands) existingFile(file);
    return undefined;
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
}

function readIdentity(values: Values, operands: readonly string[]): ServerIdentity {
  const [authority = "", certificate = "", key = ""] = operands;
  const read = (file: string) => {
    const bytes = new Uint8Array(readFileSync(file));
    if (bytes.length === 0) throw new Error(`Cannot use ${file}: it is empty`);
    return bytes;
  };
  return { authorities: [authority, ...values.authorities].map(read), certificate: read(certificate), key: read(key) };
}

/** As many connections as there are descriptors for. */
function withinDescriptors(limits: Limits): Limits {
  const possible = Math.floor((descriptorLimit() - DESCRIPTORS_RESERVED) / DESCRIPTORS_PER_CONNECTION);
  return { ...limits, connections: Math.max(1, Math.min(limits.connections, possible)) };
}

async function serve(values: Values, context: DaemonContext): Promise<number> {
  const { log, operands } = context;
  const revocations = new Revocations(values.revocations);
  const delegations = new DelegationMemory(values.revocations);
  const limits = withinDescriptors(limitsOf(values));
  const surroundings = {
    tmpdir: values.tmpdir,
    spool: values.spool,
    streamLimit: limits.stream,
    images: new Shares(IMAGES_TOTAL),
  };
  const identity = readIdentity(values, operands);
  const meter = values.metrics === undefined ? undefined : new RequestMeter();
  const observe = meter?.observe.bind(meter);
  const events = openEventFeed(values.tmpdir, PROGRAM, log);
  const access = new AccessLog((event) => events.note(event), performance.now.bind(performance));
  const endpoint = new Endpoint({ identity, limits, surroundings, revocations, delegations, access, log, observe });
  const tlsConnections = () => ({ tls: { active: endpoint.connections, total: endpoint.totals.accepted } });
  let metrics: MetricsServer | undefined;
  let influx: { close(): void } | undefined;
  const failed = (error: Error) => log.error(`while serving a connection: ${error.stack ?? error.message}`);
  context.onHangup(() => {
    try {
      revocations.reload();
      endpoint.replaceIdentity(readIdentity(values, operands));
      endpoint.closeRevoked();
      log.info("read certificates, key and revocation lists again");
    } catch (error) {
      log.error(`still using the old files: ${error instanceof Error ? error.message : String(error)}`);
    }
  });
  try {
    if (values.inetd) {
      context.ready();
      await takeTcp(0, (connection, address, port) => endpoint.accept(connection, address, port), { failed });
      await Promise.race([endpoint.drained(), context.stopped]);
      return 0;
    }
    const { address, activation, port = DEFAULT_PORT } = values;
    const where = activation ? { fd: takeSystemdSocket() } : { address, port };
    const accept: AcceptConnection = (connection, peer, from) => endpoint.accept(connection, peer, from);
    const listener = await listenOnAll(tcpTransport(where, failed), context.plugins.transports, accept, log);
    events.note(daemonStarted(PROGRAM));
    metrics = await startMetrics(
      values.metrics,
      {
        daemon: PROGRAM,
        numbers: () => ({ connections: tlsConnections(), queues: {} }),
        families: () => [handshakes(endpoint), ...(meter?.families(PROGRAM) ?? [])],
      },
      log,
    );
    const own = { vm: "albatross_tls_endpoint", connections: tlsConnections, logged: context.logged, log };
    influx = await startOwnInflux(values.influx, own);
    context.ready();
    const signal = await context.stopped;
    log.info(`ending on ${signal}`);
    notifyStopping();
    listener.close();
    events.note(daemonStopped(PROGRAM, signal));
    return 0;
  } finally {
    metrics?.close();
    influx?.close();
    endpoint.close();
    revocations.free();
    await events.close();
  }
}

function handshakes({ totals }: Endpoint): MetricFamily {
  return {
    name: "albatross_tls_handshakes",
    type: "counter",
    help: "TLS handshakes, by how they ended.",
    samples: (["success", "failure"] as const).map((result) => ({ labels: { result }, value: totals[result] })),
  };
}
