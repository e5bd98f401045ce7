/**
 * The interface of plugins: what can be attached to the daemons from outside, and what their own parts are made by.
 *
 * A plugin is a module whose default export is a {@link Plugin}, or a function that makes one: a single file, TypeScript
 * or JavaScript, or the folder of a package, whose `package.json` names the module. Packages that it needs are bundled
 * into it (`bun build --target=bun`). It needs no import of ours but of types: what it may use is handed to it.
 *
 * ```ts
 * import type { PluginFactory } from "albatross/plugin";
 *
 * const plugin: PluginFactory = ({ options, log }) => ({
 *   apiVersion: 1,
 *   name: "first-lines",
 *   reporters: [{ name: "first-lines", report: (samples) => log.info(`${samples.length} of ${options["host"]}`) }],
 * });
 * export default plugin;
 * ```
 *
 * Errors of ours are known by their `name`, since a plugin has not our classes: one named `BackendRefusal` is shown to the
 * client as it is, one named `CollectorError` has the `reason` of that class.
 *
 * A plugin runs within its daemon, with all of its rights: it is only loaded if nobody but root and the daemon's user
 * can have written it. What it throws or rejects is logged with its name, and neither ends the daemon nor keeps it
 * waiting for longer than {@link CALL_TIMEOUT_MS}; an endless loop does.
 *
 * @module
 */
import type { Backend } from "../backends/backend.ts";
import type { CollectorSource } from "../backends/collector.ts";
import type { ProcessRequest } from "../backends/start-process.ts";
import type { ChildProcess } from "../runtime/process.ts";
import type { EventSink } from "./event-sink.ts";
import type { Reporter } from "./reporter.ts";
import type { Transport } from "./transport.ts";

export type { Backend, BackendHost, CheckRequest, Launched, Launcher, LaunchRequest } from "../backends/backend.ts";
export type { Collector, CollectorSource, CollectorTarget, Sample } from "../backends/collector.ts";
export type { ProcessRequest } from "../backends/start-process.ts";
export type { ChildProcess, ExitStatus } from "../runtime/process.ts";
export type { EventSink, SinkEvent } from "./event-sink.ts";
export type { Report, Reporter } from "./reporter.ts";
export type { Transport, TransportListener } from "./transport.ts";

/** The version of this interface. A plugin for another one is refused. */
export const PLUGIN_API_VERSION = 1;

/** How long a plugin may take to load, milliseconds. */
export const LOAD_TIMEOUT_MS = 10_000;

/** How long a plugin may take for one call, milliseconds; afterwards the call has failed. */
export const CALL_TIMEOUT_MS = 10_000;

/** A plugin: what it adds, by kind. A daemon takes those kinds that it has a use for. */
export interface Plugin {
  readonly apiVersion: typeof PLUGIN_API_VERSION;
  /** Short and unique, for logs: a name as those of backends. */
  readonly name: string;
  /** What runs unikernels, by `create --typ NAME`: for albatrossd. */
  readonly backends?: readonly Backend[];
  /** What measures unikernels: for albatross-stats. */
  readonly collectors?: readonly CollectorSource[];
  /** What is told of all samples: for albatross-stats. */
  readonly reporters?: readonly Reporter[];
  /** What is told of all events: for albatross-log. */
  readonly eventSinks?: readonly EventSink[];
  /** What carries the bytes of clients: for albatross-tls-endpoint. */
  readonly transports?: readonly Transport[];
}

/** The kinds of things that plugins add. */
export type PluginKind = "backends" | "collectors" | "reporters" | "eventSinks" | "transports";

/** What a plugin is made with. */
export interface PluginContext {
  /** The daemon that loads it: `albatrossd`, `albatross-stats`, … */
  readonly daemon: string;
  /** The object `options` of its entry in the configuration file; empty for `--plugin`. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Lines in the daemon's log, with the plugin's name in front. */
  readonly log: PluginLog;
  /**
   * Starts a process of a unikernel as the tenders are started: the console is its standard input, output and error, and
   * it gets no other descriptors; `PATH`, the mark by which albatrossd knows it again, and its CPUs.
   *
   * @param commandLine the absolute path of the program, and its arguments
   * @throws an error whose text is for the client
   */
  startProcess(commandLine: readonly string[], request: ProcessRequest): ChildProcess;
}

/** The log of a plugin. */
export interface PluginLog {
  error(text: string): void;
  warning(text: string): void;
  info(text: string): void;
  debug(text: string): void;
}

/** Makes a plugin. */
export type PluginFactory = (context: PluginContext) => Plugin | Promise<Plugin>;
