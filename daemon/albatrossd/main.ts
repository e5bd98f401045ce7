/**
 * albatrossd: owns policies, unikernels and block devices; launches and supervises.
 *
 * @module
 */
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { consoleLimit } from "../../core/engine/decide.ts";
import { logEventOf } from "../../core/log/from-engine.ts";
import type { Name } from "../../core/name.ts";
import { NameError, Name as Names, parsePath } from "../../core/name.ts";
import { databaseFile, fifoDirectory, socketDirectory, socketFile } from "../../core/paths.ts";
import type { Policy } from "../../core/policy.ts";
import type { HostNetwork } from "../../host/host-network.ts";
import { takeDirectoryLock, takeLock } from "../../host/lock-file.ts";
import { openHostNetwork } from "../../host/network.ts";
import { randomHex } from "../../host/random-hex.ts";
import { discoverRootPolicy } from "../../host/root-policy.ts";
import { notifyStopping } from "../../host/systemd.ts";
import { builtin } from "../../plugins/builtin.ts";
import type { TcpAddress } from "../../plugins/influx/tcp-sink.ts";
import type { MetricsAddress } from "../../plugins/openmetrics/address.ts";
import type { MetricsServer } from "../../plugins/openmetrics/metrics-server.ts";
import { RequestMeter } from "../../plugins/openmetrics/request-meter.ts";
import { stateFamilies } from "../../plugins/openmetrics/state-families.ts";
import { activationFlag, dbdirFlag, tmpdirFlag } from "../common/daemon-flags.ts";
import { daemonStarted, daemonStopped, openEventFeed } from "../common/event-feed.ts";
import { switchFlag, UsageError, valueFlag } from "../common/flags.ts";
import { ownInfluxFlag, startOwnInflux } from "../common/influx-flag.ts";
import type { Log } from "../common/log.ts";
import { metricsFlag, startMetrics } from "../common/metrics.ts";
import { type DaemonContext, runDaemon } from "../common/run-daemon.ts";
import { prepareBlocks, scanBlocks } from "./block-files.ts";
import { DaemonCommands } from "./commands.ts";
import { ConsoleLink } from "./console-link.ts";
import { ImageStore } from "./images.ts";
import { importState } from "./import-state.ts";
import { type InstanceHost, releaseMachine } from "./instance.ts";
import { MeteredCommands } from "./metered-commands.ts";
import { recover } from "./recovery.ts";
import { selfCommand } from "./self-command.ts";
import { Server } from "./server.ts";
import { StatisticsLink } from "./statistics-link.ts";
import { Store } from "./store.ts";
import { Supervisor } from "./supervisor.ts";

/** A path, with or without the colon at its end. @throws {UsageError} */
function parseZvolPath(text: string): Name {
  try {
    return parsePath(text.endsWith(":") ? text.slice(0, -1) : text);
  } catch (error) {
    if (error instanceof NameError) throw new UsageError(error.message);
    throw error;
  }
}

const flags = {
  tmpdir: tmpdirFlag,
  dbdir: dbdirFlag,
  activation: activationFlag,
  metrics: metricsFlag,
  influx: ownInfluxFlag,
  fullName: switchFlag(["--no-drop-path"], "Pass the full name in --name=, not the label only."),
  zvolPath: valueFlag<Name | undefined>(
    "--allow-zvol-for",
    "PATH",
    "Let unikernels on this path (e.g. foo: or foo:bar:) use ZFS volumes, block devices named /dev/zvol/POOL/VOLUME.",
    parseZvolPath,
    () => undefined,
  ),
  tender: valueFlag<string | undefined>(
    "--tender",
    "FILE",
    "Run hvt unikernels with this tender, instead of solo5-hvt from the database directory, PATH, or the built-in one.",
    (text) => text,
    () => undefined,
  ),
  allowEmulation: switchFlag(
    ["--allow-emulation"],
    "Where there is no usable KVM, let the built-in tender emulate a CPU (slow; needs libunicorn2).",
  ),
  onSigterm: valueFlag<"stop" | "keep">(
    "--on-sigterm",
    "WHAT",
    "stop: end the unikernels, to be started again by the next albatrossd; keep: leave them running, to be adopted. stop unless given. SIGQUIT always ends them.",
    (text) => {
      if (text !== "stop" && text !== "keep") throw new UsageError(`invalid value ${text}, expected stop or keep`);
      return text;
    },
    () => "stop",
  ),
};

interface Values {
  readonly tmpdir: string;
  readonly dbdir: string;
  readonly activation: boolean;
  readonly metrics: MetricsAddress | undefined;
  readonly influx: TcpAddress | undefined;
  readonly fullName: boolean;
  readonly zvolPath: Name | undefined;
  readonly tender: string | undefined;
  readonly allowEmulation: boolean;
  readonly onSigterm: "stop" | "keep";
}

function sameBridges(a: Policy, b: Policy): boolean {
  return a.bridges.length === b.bridges.length && a.bridges.every((bridge, at) => bridge === b.bridges[at]);
}

/** Keeps the root policy's bridges as the host has them, for bridges that are made after the start. */
function bridgeRefresher(supervisor: Supervisor, network: HostNetwork, discovered: Policy, log: Log): () => void {
  let known = discovered;
  return () => {
    if (supervisor.state.policies.get("")?.policy !== known) return; // an administrator's own one
    let fresh: Policy;
    try {
      fresh = { ...known, bridges: network.listBridges() };
    } catch (error) {
      // The command that is to come may need no bridge, or one that is known; if not, it will say what is wrong.
      log.warning(`cannot look for new bridges: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    if (sameBridges(known, fresh)) return;
    known = fresh;
    supervisor.restore({ kind: "policy-added", name: Names.root, policy: fresh });
  };
}

async function serve(values: Values, { log, logged, stopped, ready, plugins }: DaemonContext): Promise<number> {
  const backends = [...(await builtin.backends()), ...plugins.backends];
  mkdirSync(socketDirectory(values.tmpdir), { recursive: true, mode: 0o755 });
  const fifos = fifoDirectory(values.tmpdir);
  // Set-group-id, so that fifos belong to the group of the console daemon; mkdir(2) leaves that bit out.
  if (mkdirSync(fifos, { recursive: true }) !== undefined) chmodSync(fifos, 0o2770);
  mkdirSync(join(values.dbdir, "block"), { recursive: true, mode: 0o700 });
  const lock = takeLock(join(values.dbdir, "albatrossd.lock"));
  // What lies in this one is cleared away before the socket shows that somebody else uses it.
  const fifoLock = takeDirectoryLock(fifos);
  prepareBlocks(values.dbdir);
  const store = new Store(databaseFile(values.dbdir), randomHex(8));
  const network = openHostNetwork();
  const rootPolicy = discoverRootPolicy(values.dbdir, network);
  const images = new ImageStore(values.dbdir);
  const statistics = new StatisticsLink(log);
  const events = openEventFeed(values.tmpdir, "albatrossd", log);
  const running = (): Name[] =>
    [...supervisor.state.unikernels.values()].flatMap(({ name, phase }) => (phase.kind === "running" ? [name] : []));
  const entry = (name: Name) => ({ name, limit: consoleLimit(supervisor.state, name) });
  const consoles: ConsoleLink = new ConsoleLink(
    socketFile(values.tmpdir, "console"),
    { running: () => running().map(entry), connected: () => supervisor.hurry() },
    log,
  );
  const host: InstanceHost = {
    temporaryDirectory: values.tmpdir,
    databaseDirectory: values.dbdir,
    storeId: store.id,
    backends,
    backendHost: {
      databaseDirectory: values.dbdir,
      path: process.env["PATH"] ?? "",
      tender: values.tender,
      allowEmulation: values.allowEmulation,
      self: selfCommand(),
    },
    network,
    images,
    fullName: values.fullName,
    zvolPath: values.zvolPath,
    now: Date.now,
    consoleIsThere: () => consoles.connected,
    addConsole: async (name) => await consoles.add(entry(name)),
  };
  const supervisor: Supervisor = new Supervisor(
    host,
    store,
    {
      started: (name) => statistics.started(supervisor.state.unikernels.get(name.key)),
      ended: (name) => statistics.ended(name),
      happened(event, before, after) {
        const logged = logEventOf(event, before, after);
        if (logged !== undefined) events.note(logged);
      },
    },
    log,
  );
  const commands = new DaemonCommands({
    supervisor,
    images,
    statistics,
    databaseDirectory: values.dbdir,
    refreshBridges: bridgeRefresher(supervisor, network, rootPolicy, log),
    now: Date.now,
    log,
  });
  const meter = values.metrics === undefined ? undefined : new RequestMeter();
  const server = new Server(meter === undefined ? commands : new MeteredCommands(commands, meter));
  let metrics: MetricsServer | undefined;
  let influx: { close(): void } | undefined;
  try {
    await importState(values.dbdir, store, images, log, Date.now);
    const discovered = { kind: "policy-added", name: Names.root, policy: rootPolicy } as const;
    supervisor.restore(
      ...scanBlocks(values.dbdir, log).map(({ name, size }) => ({ kind: "block-added", name, size }) as const),
      discovered,
    );
    store.record([discovered], supervisor.state); // for those who look into the database only
    events.note(daemonStarted("albatrossd"));
    const toStart = await recover({
      temporaryDirectory: values.tmpdir,
      store,
      supervisor,
      network,
      releaseMachine: (machine) => releaseMachine(host, machine),
      log,
    });
    if (!(await consoles.start())) log.warning("no console daemon yet: is albatross-console started?");
    await server.listen({ path: socketFile(values.tmpdir, "vmmd"), activation: values.activation });
    metrics = await startMetrics(
      values.metrics,
      {
        daemon: "albatrossd",
        numbers: () => ({ connections: { unix: server.counts }, queues: { commands: supervisor.waiting } }),
        families: () => [...stateFamilies(supervisor.state), ...(meter?.families("albatrossd") ?? [])],
      },
      log,
    );
    const connections = () => ({ unix: server.counts });
    const own = { vm: "albatross", connections, state: () => supervisor.state, logged, log };
    influx = await startOwnInflux(values.influx, own);
    ready();
    const starting = supervisor.startAll(toStart);
    const signal = await stopped;
    log.info(`ending on ${signal}`);
    notifyStopping();
    server.stopListening();
    await supervisor.close(values.onSigterm === "keep" && signal !== "SIGQUIT");
    await starting;
    events.note(daemonStopped("albatrossd", signal));
    await events.close();
    return 0;
  } finally {
    metrics?.close();
    influx?.close();
    server.close();
    consoles.stop();
    statistics.close();
    void events.close();
    store.close();
    fifoLock.release();
    lock.release();
  }
}

/** The command line. */
export const definition = {
  program: "albatrossd",
  summary: "Creates, supervises and destroys unikernels, as the commands on its socket and the policies say.",
  flags,
  plugins: ["backends"],
} as const;

/** Runs albatrossd. @returns the exit status */
export async function run(args: readonly string[], programName: string): Promise<number> {
  return await runDaemon({ ...definition, program: programName }, args, serve);
}
