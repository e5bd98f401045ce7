/** The service of albatross-stats in this process, whose intervals a test decides; and real processes to measure. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { builtinCollectors } from "../../../backends/builtin-collectors.ts";
import type { CollectorSource } from "../../../backends/collector.ts";
import { type ByteString, fromText } from "../../../core/byte-string.ts";
import type { Name } from "../../../core/name.ts";
import type { Statistics } from "../../../core/statistics.ts";
import type { Command, Message } from "../../../core/wire/message.ts";
import { CommandServer } from "../../../daemon/common/command-server.ts";
import { createLog } from "../../../daemon/common/log.ts";
import { Registry } from "../../../daemon/stats/registry.ts";
import { COMMAND_MAX, StatsHandlers, type StatsService } from "../../../daemon/stats/stats-handlers.ts";
import { Subscriptions } from "../../../daemon/stats/subscriptions.ts";
import { tick } from "../../../daemon/stats/tick.ts";
import { type Listener, listenUnix } from "../../../runtime/unix-socket.ts";
import { commandFrame, say, until, Wire } from "../../end-to-end/harness.ts";

export const subscribe: Command = { kind: "statistics-subscribe" };
export const remove: Command = { kind: "statistics-remove" };

export function add(pid: number, networks: readonly { device: ByteString; tap: ByteString }[] = []): Command {
  return { kind: "statistics-add", device: fromText(""), pid, networks };
}

export class StatsRig {
  readonly directory: string = mkdtempSync(join(tmpdir(), "albatross-stats-"));
  readonly socket: string = join(this.directory, "stat.sock");
  readonly vmmd: string = join(this.directory, "vmmd.sock");
  readonly service: StatsService;
  /** The lines of the log. */
  readonly lines: string[] = [];
  readonly server: CommandServer;
  readonly #listener: Listener;
  readonly #wires: Wire[] = [];
  readonly #children: ChildProcess[] = [];

  constructor(sources: readonly CollectorSource[] = builtinCollectors(process.platform, false)) {
    const output = { write: (text: string) => this.lines.push(text), writableLength: 0 };
    const log = createLog("stats", "debug", output);
    this.service = { registry: new Registry(sources, log), subscriptions: new Subscriptions(log), log };
    const serve = (connection: ConstructorParameters<typeof StatsHandlers>[0]) =>
      new StatsHandlers(connection, this.service, "client");
    this.server = new CommandServer({ serve, log, commandMax: COMMAND_MAX });
    this.#listener = listenUnix({ path: this.socket }, (connection) => this.server.accept(connection));
  }

  static async with<T>(action: (rig: StatsRig) => Promise<T>, sources?: readonly CollectorSource[]): Promise<T> {
    const rig = new StatsRig(sources);
    try {
      return await action(rig);
    } finally {
      await rig.close();
    }
  }

  /** An interval. */
  tick(): void {
    tick(this.service);
  }

  async client(): Promise<Wire> {
    const wire = await Wire.open(this.socket);
    this.#wires.push(wire);
    return wire;
  }

  /** A connection that has subscribed. */
  async subscriber(name: string): Promise<Wire> {
    const wire = await this.client();
    assert.equal(await ask(wire, name, subscribe), "subscribed");
    return wire;
  }

  /** A process that does nothing. */
  process(): ChildProcess & { readonly pid: number } {
    const child = spawn("sleep", ["1000"], { stdio: "ignore" });
    this.#children.push(child);
    assert.ok(child.pid !== undefined);
    return child as ChildProcess & { readonly pid: number };
  }

  /** Lets a process be measured. */
  async add(name: string, pid: number, networks?: Parameters<typeof add>[1]): Promise<void> {
    const wire = await this.client();
    assert.equal(await ask(wire, name, add(pid, networks)), "added");
    wire.close();
  }

  async close(): Promise<void> {
    for (const wire of this.#wires) wire.close();
    this.#listener.close();
    this.server.close();
    this.service.registry.close();
    await Promise.all(this.#children.map(ended));
    rmSync(this.directory, { recursive: true });
  }
}

/** Ends a process and waits until it is gone. */
export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await gone;
}

/** Sends a command; what the answer says. */
export async function ask(wire: Wire, name: string, command: Command, sequence = 0n): Promise<string> {
  const before = wire.frames.length;
  wire.send(commandFrame(name, command, sequence));
  await until("the command is answered", () => wire.frames.length > before || wire.closed);
  return say(wire.messages[before]?.payload);
}

/** A sample that came. */
export interface Received {
  readonly name: Name;
  readonly statistics: Statistics;
}

function samplesIn(messages: readonly Message[]): readonly Received[] {
  return messages.flatMap(({ header, payload }) =>
    payload.kind === "data" && payload.data.kind === "statistics"
      ? [{ name: header.name, statistics: payload.data.statistics }]
      : [],
  );
}

/** The samples that have come. */
export const samplesOf = (wire: Wire): readonly Received[] => samplesIn(wire.messages);

/** The names of the samples that have come. */
export const namesOf = (wire: Wire): readonly string[] => samplesOf(wire).map(({ name }) => name.text);

/** Waits until so many samples have come, and gives them. */
export async function samples(wire: Wire, count: number): Promise<readonly Received[]> {
  return await until(`${count} samples come`, () => {
    const found = samplesOf(wire);
    return found.length >= count ? found : undefined;
  });
}
