/**
 * The commands that observe: consoles, statistics, the event log.
 *
 * @module
 */
import { fromText } from "../../core/byte-string.ts";
import type { Name } from "../../core/name.ts";
import { ProtocolError } from "../errors.ts";
import { follow } from "../follow.ts";
import { successOf } from "../request.ts";
import { absoluteName } from "../statistics.ts";
import { type ConsoleLine, consoleLine } from "./console-line.ts";
import type { LogEntry, LogOptions } from "./log.ts";
import { asName, asOne, asPath, byName, type NameInput, ownName } from "./names.ts";
import { expectSuccess } from "./replies.ts";
import type { Sample } from "./statistics.ts";
import { type CallOptions, limited, type Transport } from "./transport.ts";

/**
 * Where a console begins.
 *
 * @example
 * ```ts
 * import { connect, type ConsoleOptions } from "albatross";
 *
 * const options: ConsoleOptions = { since: new Date(Date.now() - 60_000), signal: AbortSignal.timeout(10_000) };
 * const albatross = await connect({ tmpdir: "/run/albatross" });
 * for await (const { text } of albatross.console("hello", options)) {
 *   console.log(text);
 *   break;
 * }
 * ```
 */
export interface ConsoleOptions extends CallOptions {
  /** From this time on. */
  readonly since?: Date | undefined;
  /** How many past lines; without `since`. @default {20} */
  readonly count?: number | undefined;
}

/** A process to be measured. */
export interface Measured {
  readonly pid: number;
  /** The hypervisor's device; none unless given. */
  readonly device?: string | undefined;
  /** Its network interfaces on the host, with the names they are shown by. */
  readonly taps?: readonly { readonly device: string; readonly tap: string }[] | undefined;
}

const COUNT = 20;

/** The part of {@link Albatross} that observes. */
export class Observer {
  /** @internal */
  protected readonly transport: Transport;

  /** @internal */
  constructor(transport: Transport) {
    this.transport = transport;
  }

  /**
   * What a unikernel prints, past lines first, then as it comes, until the unikernel is forgotten or the loop is left.
   * Of lines that are printed faster than they are taken, the daemon leaves out some, and
   * says so in a line.
   *
   * @param name of the unikernel; it need not be there yet
   * @param options where to begin, and a signal to give up by
   * @returns lines, to be iterated once; leaving the loop ends the subscription
   * @throws {InputError} `argument`, by the iteration
   * @throws {RefusedError} by the iteration
   * @throws {AbortedError} by the iteration, after the signal
   * @throws {ClientError} by the iteration, as every command
   *
   * @example
   * ```ts
   * import { connect } from "albatross";
   *
   * const albatross = await connect({ tmpdir: "/run/albatross" });
   * for await (const { time, text } of albatross.console("hello", { count: 5 })) {
   *   console.log(`${time.toISOString()} ${text}`);
   *   if (text.includes("tick")) break;
   * }
   * ```
   *
   * @example For a while
   * ```ts
   * import { AbortedError, connect } from "albatross";
   *
   * const albatross = await connect({ tmpdir: "/run/albatross" });
   * try {
   *   for await (const { text } of albatross.console("hello", { signal: AbortSignal.timeout(100) })) console.log(text);
   * } catch (error) {
   *   if (!(error instanceof AbortedError)) throw error;
   * }
   * ```
   */
  async *console(name: NameInput, options: ConsoleOptions = {}): AsyncGenerator<ConsoleLine, void> {
    const { since, count = COUNT } = options;
    const from = since === undefined ? { count } : { since: since.getTime() };
    const opened = await this.transport.open(asOne(name), { kind: "console-subscribe", from }, limited(options));
    for await (const { payload } of follow(opened)) {
      if (payload.kind !== "data" || payload.data.kind !== "console") {
        throw new ProtocolError(`A ${payload.kind} message came instead of a console line`);
      }
      yield consoleLine(payload.data.timestamp, payload.data.line);
    }
  }

  /**
   * The consoles that are kept of unikernels that do not run any more.
   *
   * @param path where; everywhere unless given
   * @param options a signal to give up by
   * @returns names in their order, for {@link Albatross.console}
   * @throws {InputError} `argument`, if it is no path
   * @throws {ClientError} as every command
   *
   * @example
   * ```ts
   * import { connect } from "albatross";
   *
   * const albatross = await connect({ tmpdir: "/run/albatross" });
   * for (const name of await albatross.inactiveConsoles()) console.log(name.text);
   * ```
   */
  async inactiveConsoles(path?: NameInput, options: CallOptions = {}): Promise<readonly Name[]> {
    const asked = asPath(path);
    const { reply } = await this.transport.ask(asked, { kind: "console-inactive" }, options);
    const { names } = expectSuccess(reply, "consoles");
    return names
      .map((name) => ({ name: ownName(asked, reply.header.name, name) }))
      .sort(byName)
      .map(({ name }) => name);
  }

  /**
   * What unikernels use, as albatross-stats measures it, until the loop is left.
   *
   * @param name of a unikernel, or a path for all below it; all unless given
   * @param options a signal to give up by
   * @returns samples, to be iterated once; leaving the loop ends the subscription
   * @throws {InputError} `argument`, by the iteration
   * @throws {RefusedError} by the iteration
   * @throws {ClientError} by the iteration, as every command
   *
   * @example
   * ```ts
   * import { connect } from "albatross";
   *
   * const albatross = await connect({ tmpdir: "/run/albatross" });
   * for await (const { name, usage, memory } of albatross.statistics("hello")) {
   *   console.log(`${name} ${usage.utime + usage.stime} s, ${memory?.rss} pages`);
   *   break;
   * }
   * ```
   */
  async *statistics(name: NameInput = ":", options: CallOptions = {}): AsyncGenerator<Sample, void> {
    const { sampleOf } = await import("./statistics.ts");
    const asked = asName(name);
    const opened = await this.transport.open(asked, { kind: "statistics-subscribe" }, limited(options));
    for await (const { payload, header } of follow(opened)) {
      if (payload.kind !== "data" || payload.data.kind !== "statistics") {
        throw new ProtocolError(`A ${payload.kind} message came instead of a sample`);
      }
      yield sampleOf(absoluteName(asked, header.name), payload.data.statistics);
    }
  }

  /**
   * Lets albatross-stats measure any process under a name. It measures unikernels without being told.
   *
   * @param name to be subscribed to
   * @param process its id, its network interfaces, and its device of the hypervisor where it has some; and a signal
   * @throws {InputError} `argument`
   * @throws {RefusedError} e.g. if the hypervisor's device does not fit
   * @throws {ClientError} as every command
   *
   * @example
   * ```ts
   * import { connect } from "albatross";
   *
   * const albatross = await connect({ tmpdir: "/run/albatross" });
   * await albatross.measure("script", { pid: process.pid });
   * for await (const { memory } of albatross.statistics("script")) {
   *   console.log(memory?.rss);
   *   break;
   * }
   * await albatross.measureNoMore("script");
   * ```
   */
  async measure(name: NameInput, process: Measured & CallOptions): Promise<void> {
    const { pid, device = "", taps = [], signal } = process;
    const networks = taps.map((each) => ({ device: fromText(each.device), tap: fromText(each.tap) }));
    const command = { kind: "statistics-add", device: fromText(device), pid, networks } as const;
    const { reply } = await this.transport.ask(asOne(name), command, { signal });
    successOf(reply);
  }

  /**
   * Lets albatross-stats measure a process no longer.
   *
   * @param name that it is measured under
   * @param options a signal to give up by
   * @throws {InputError} `argument`
   * @throws {ClientError} as every command
   *
   * @example
   * ```ts
   * import { connect, type Measured } from "albatross";
   *
   * const script: Measured = { pid: process.pid };
   * const albatross = await connect({ tmpdir: "/run/albatross" });
   * await albatross.measure("script", script);
   * await albatross.measureNoMore("script");
   * ```
   */
  async measureNoMore(name: NameInput, options: CallOptions = {}): Promise<void> {
    const { reply } = await this.transport.ask(asOne(name), { kind: "statistics-remove" }, options);
    successOf(reply);
  }

  /**
   * What happens on the host, as albatross-log keeps it.
   *
   * @param options which events, and a signal to give up by
   * @returns events, to be iterated once; leaving the loop ends the subscription
   * @throws {InputError} `argument`, by the iteration
   * @throws {RefusedError} by the iteration
   * @throws {ProtocolError} by the iteration, also if the host has no log
   * @throws {ClientError} by the iteration, as every command
   *
   * @example
   * ```ts
   * import { connect } from "albatross";
   *
   * const albatross = await connect({ tmpdir: "/run/albatross" });
   * for await (const { time, event, host } of albatross.log({ count: 100, follow: false })) {
   *   console.log(`${time.toISOString()} ${event} ${host}`);
   * }
   * ```
   */
  async *log(options: LogOptions = {}): AsyncGenerator<LogEntry, void> {
    const { readLog } = await import("./log.ts");
    yield* readLog(this.transport, options);
  }
}
