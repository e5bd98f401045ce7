/**
 * A host of a test's own: directories, the real programs on them, a client, and an end that leaves nothing behind.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { type ByteString, fromText, toText } from "../../core/byte-string.ts";
import { parseName } from "../../core/name.ts";
import { socketFile } from "../../core/paths.ts";
import type { Policy } from "../../core/policy.ts";
import type { UnikernelArguments, UnikernelConfig, UnikernelInfo } from "../../core/unikernel.ts";
import { FrameReader, REPLY_FRAME_LIMIT } from "../../core/wire/framing.ts";
import type { Command, History, Message, Payload } from "../../core/wire/message.ts";
import { decodeMessage, encodeFrame } from "../../core/wire/message-codec.ts";
import { STATUS_SEQUENCE } from "../../core/wire/status-request.ts";
import type { UnikernelStatus } from "../../daemon/albatrossd/unikernel-info.ts";
import { createBridge, findLink, listLinks, removeLink } from "../../host/linux/links.ts";
import { type Connection, connectUnix } from "../../runtime/unix-socket.ts";
import { buildUnikernels, type UnikernelName, unikernelNames } from "../unikernels/build.ts";

/** Longest wait for anything, milliseconds. */
export const PATIENCE_MS = 30_000;

const POLL_MS = 5;

const root = join(import.meta.dirname, "..", "..");

/**
 * The command line of a role: an executable of the folder named by `ALBATROSS_PROGRAMS` (what `npm run build` makes),
 * or else the sources.
 */
export function program(role: string): readonly [string, ...string[]] {
  const folder = process.env["ALBATROSS_PROGRAMS"];
  return folder === undefined ? [process.execPath, join(root, "main.ts"), role] : [join(folder, "albatross"), role];
}

/** Flags for albatrossd where a test gives none: those of `ALBATROSS_TEST_FLAGS`, e.g. another tender. */
export function defaultFlags(): readonly string[] {
  return (process.env["ALBATROSS_TEST_FLAGS"] ?? "").split(" ").filter((word) => word !== "");
}

/** Waits until `condition` gives something else than `false` or `undefined`, and gives that; fails with `what`. */
export async function until<T>(
  what: string | (() => string),
  condition: () => T | false | undefined | Promise<T | false | undefined>,
  patience = PATIENCE_MS,
): Promise<T> {
  const end = performance.now() + patience;
  for (;;) {
    const value = await condition();
    if (value !== false && value !== undefined) return value;
    if (performance.now() > end) assert.fail(`waited in vain until ${typeof what === "string" ? what : what()}`);
    await sleep(POLL_MS);
  }
}

let built: Promise<Record<UnikernelName, string>> | undefined;

/** The test unikernels, by name. */
export async function images(): Promise<Record<UnikernelName, Uint8Array>> {
  built ??= buildUnikernels(join(tmpdir(), `albatross-e2e-unikernels-${process.getuid?.() ?? 0}`));
  const paths = await built;
  return Object.fromEntries(unikernelNames.map((name) => [name, new Uint8Array(readFileSync(paths[name]))])) as Record<
    UnikernelName,
    Uint8Array
  >;
}

/** The arguments of a unikernel without anything special. */
export function plain(
  changes: Partial<Omit<UnikernelArguments, "arguments">> & { readonly words?: readonly string[] } = {},
): UnikernelArguments {
  const { words, ...rest } = changes;
  return {
    failBehaviour: { kind: "quit" },
    startup: undefined,
    addName: false,
    cpuIds: [0],
    memory: 16,
    blockDevices: [],
    networks: [],
    arguments: words?.map(fromText),
    cpus: 1,
    linuxBootPartition: undefined,
    ...rest,
  };
}

/** Restart whatever allowed exit code there is. */
export const restarting = { kind: "restart", exitCodes: [] } as const;

/** A network device on a bridge. */
export function network(name: string, bridge: ByteString): UnikernelArguments["networks"][number] {
  return { name: fromText(name), bridge, mac: undefined };
}

/** A create command. */
export function create(image: Uint8Array, changes: Parameters<typeof plain>[0] = {}): Command {
  return { kind: "unikernel-create", config: config(image, changes) };
}

/** A force-create command. */
export function forceCreate(image: Uint8Array, changes: Parameters<typeof plain>[0] = {}): Command {
  return { kind: "unikernel-force-create", config: config(image, changes) };
}

/** A configuration. */
export function config(image: Uint8Array, changes: Parameters<typeof plain>[0] = {}): UnikernelConfig {
  return { ...plain(changes), type: "solo5", compressed: false, image };
}

export const destroy: Command = { kind: "unikernel-destroy" };
export const restart: Command = { kind: "unikernel-restart", arguments: undefined };
export const info: Command = { kind: "unikernel-info" };

/** What a reply says, for comparisons: the text of a success, or a failure's after `refused: `. */
export function say(payload: Payload | undefined): string {
  if (payload === undefined) return "closed without a reply";
  if (payload.kind === "failure") return `refused: ${toText(payload.text)}`;
  if (payload.kind === "success" && payload.success.kind === "string") return toText(payload.success.text) ?? "";
  return payload.kind === "success" ? payload.success.kind : payload.kind;
}

/** The frame of a command. */
export function commandFrame(name: string, command: Command, sequence = 0n): Uint8Array {
  return encodeFrame({ header: { sequence, name: parseName(name) }, payload: { kind: "command", command } });
}

/** A raw connection that collects what comes. */
export class Wire {
  readonly frames: Uint8Array[] = [];
  closed = false;
  readonly #reader = new FrameReader(REPLY_FRAME_LIMIT);
  readonly #ended = Promise.withResolvers<void>();
  #connection: Connection | undefined;

  static async open(path: string): Promise<Wire> {
    const wire = new Wire();
    wire.#connection = await connectUnix(path, (connection) => ({
      data: (chunk) => {
        for (const frame of wire.#reader.push(chunk)) wire.frames.push(frame.slice());
      },
      end: () => connection.end(),
      close: () => {
        wire.closed = true;
        wire.#ended.resolve();
      },
    }));
    return wire;
  }

  send(bytes: Uint8Array): void {
    this.#connection?.send(bytes);
  }

  /** Resolves when the connection is gone. */
  async gone(): Promise<void> {
    const timeout = Promise.withResolvers<never>();
    const timer = setTimeout(() => timeout.reject(new Error("the daemon does not close the connection")), PATIENCE_MS);
    try {
      await Promise.race([this.#ended.promise, timeout.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Waits for the frame of this number, from 0. */
  async frame(at: number): Promise<Uint8Array> {
    return await until(`frame ${at} comes`, () => this.frames[at] ?? (this.closed && assert.fail("it was closed")));
  }

  get messages(): Message[] {
    return this.frames.map((frame) => decodeMessage(frame));
  }

  /** Stops reading. */
  pause(): void {
    this.#connection?.pause();
  }

  resume(): void {
    this.#connection?.resume();
  }

  close(): void {
    this.#connection?.destroy();
  }
}

/** A running daemon. */
export class Daemon {
  readonly #child: ChildProcess;
  readonly exited: Promise<number | NodeJS.Signals>;
  /** Standard output and standard error so far. */
  log = "";
  running = true;

  constructor(command: readonly string[], environment: Readonly<Record<string, string>>) {
    const [file = "", ...words] = command;
    this.#child = spawn(file, words, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...environment },
      cwd: "/",
    });
    const take = (chunk: Buffer) => {
      this.log += chunk.toString();
    };
    this.#child.stdout?.on("data", take);
    this.#child.stderr?.on("data", take);
    this.exited = new Promise((resolve, reject) => {
      this.#child.on("error", reject);
      this.#child.on("close", (code, signal) => {
        this.running = false;
        resolve(code ?? signal ?? "SIGKILL");
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? assert.fail("the daemon was not started");
  }

  /** Sends a signal and waits for the end. @returns exit status or signal */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | NodeJS.Signals> {
    if (this.running) this.#child.kill(signal);
    return await this.exited;
  }

  /** Waits for it to end by itself. @returns exit status or signal */
  async ends(): Promise<number | NodeJS.Signals> {
    await until(
      () => `the daemon ends; it logged:\n${this.log}`,
      () => !this.running,
    );
    return await this.exited;
  }

  /** Waits until the log has `text`; gives the whole log. */
  async logged(text: string | RegExp): Promise<string> {
    const has = () => (typeof text === "string" ? this.log.includes(text) : text.test(this.log));
    await until(() => `the daemon logs ${text}; it logged:\n${this.log}`, has);
    return this.log;
  }
}

/** How albatrossd is started. */
export interface DaemonOptions {
  readonly flags?: readonly string[];
  /** Words before the program, such as `setpriv …`. */
  readonly wrapper?: readonly string[];
}

/** A subscription to a console. */
export class ConsoleView {
  readonly #wire: Wire;

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  get lines(): readonly string[] {
    return this.#wire.messages.flatMap(({ payload }) =>
      payload.kind === "data" && payload.data.kind === "console" ? [Buffer.from(payload.data.line).toString()] : [],
    );
  }

  /** Waits for a line that matches. */
  async line(wanted: string | RegExp, count = 1): Promise<string> {
    const matches = (line: string) => (typeof wanted === "string" ? line.includes(wanted) : wanted.test(line));
    return await until(
      () => `the console shows ${wanted} (it shows ${JSON.stringify(this.lines)})`,
      () => this.lines.filter(matches)[count - 1],
    );
  }

  close(): void {
    this.#wire.close();
  }
}

let machines = 0;

/** Directories and programs that belong together. */
export class Machine {
  readonly directory: string = mkdtempSync(join(tmpdir(), "albatross-e2e-"));
  readonly tmpdir: string = join(this.directory, "run");
  readonly dbdir: string = join(this.directory, "db");
  readonly #daemons: Daemon[] = [];
  readonly #wires: Wire[] = [];
  readonly #bridges: ByteString[] = [];
  readonly #number = machines++;
  #bridgeCount = 0;

  constructor() {
    mkdirSync(this.tmpdir);
    mkdirSync(this.dbdir);
  }

  /** Runs `action` on a machine of its own and clears up in any case. */
  static async with<T>(action: (machine: Machine) => Promise<T>): Promise<T> {
    const machine = new Machine();
    try {
      return await action(machine);
    } finally {
      await machine.close();
    }
  }

  get socket(): string {
    return socketFile(this.tmpdir, "vmmd");
  }

  get consoleSocket(): string {
    return socketFile(this.tmpdir, "console");
  }

  /** Starts a program without waiting for anything. */
  launch(role: string, words: readonly string[], wrapper: readonly string[] = []): Daemon {
    const daemon = new Daemon([...wrapper, ...program(role), ...words], {});
    this.#daemons.push(daemon);
    return daemon;
  }

  /** Starts albatross-console and waits until it serves. */
  async startConsole({ flags = [], wrapper }: DaemonOptions = {}): Promise<Daemon> {
    mkdirSync(join(this.tmpdir, "util"), { recursive: true });
    mkdirSync(join(this.tmpdir, "fifo"), { recursive: true });
    const daemon = this.launch("albatross-console", [`--tmpdir=${this.tmpdir}`, "-vv", ...flags], wrapper);
    await this.#serves(daemon, this.consoleSocket);
    return daemon;
  }

  get statsSocket(): string {
    return socketFile(this.tmpdir, "stat");
  }

  /** Starts albatross-stats, which measures every second, and waits until it serves. */
  async startStats({ flags = [], wrapper }: DaemonOptions = {}): Promise<Daemon> {
    mkdirSync(join(this.tmpdir, "util"), { recursive: true });
    const daemon = this.launch(
      "albatross-stats",
      [`--tmpdir=${this.tmpdir}`, "--interval=1", "-vv", ...flags],
      wrapper,
    );
    await this.#serves(daemon, this.statsSocket);
    return daemon;
  }

  /** Starts albatross-log and waits until it serves. */
  async startLog(): Promise<Daemon> {
    const words = [`--tmpdir=${this.tmpdir}`, `--logfile=${this.dbdir}/log`, "-vv"];
    const daemon = this.launch("albatross-log", words);
    await daemon.logged("listening on");
    return daemon;
  }

  /** The words of albatrossd's command line. */
  get words(): readonly string[] {
    return [`--tmpdir=${this.tmpdir}`, `--dbdir=${this.dbdir}`, "-vv"];
  }

  /** Starts albatrossd and waits until it serves. */
  async startDaemon({ flags = defaultFlags(), wrapper }: DaemonOptions = {}): Promise<Daemon> {
    const daemon = this.launch("albatrossd", [...this.words, ...flags], wrapper);
    await this.#serves(daemon, this.socket);
    return daemon;
  }

  /** Starts console and daemon; gives the latter. */
  async start(options: DaemonOptions = {}): Promise<Daemon> {
    await this.startConsole();
    return await this.startDaemon(options);
  }

  async #serves(daemon: Daemon, path: string): Promise<void> {
    await until(`${path} is served`, async () => {
      if (!daemon.running) assert.fail(`a daemon ended with ${await daemon.exited}:\n${daemon.log}`);
      try {
        const wire = await Wire.open(path);
        wire.close();
        return true;
      } catch {
        return false; // not yet
      }
    });
  }

  /** Opens a connection to albatrossd, closed at the end at the latest. */
  async connect(path = this.socket): Promise<Wire> {
    const wire = await Wire.open(path);
    this.#wires.push(wire);
    return wire;
  }

  /** Sends a command; gives all replies until the connection is closed. */
  async converse(name: string, command: Command, sequence = 0n): Promise<readonly Payload[]> {
    const wire = await this.connect();
    wire.send(commandFrame(name, command, sequence));
    if (command.kind === "policy-add") {
      await until("policy-add is answered", () => wire.frames.length > 0 || wire.closed);
      wire.close(); // it waits for another command
    }
    await wire.gone();
    return wire.messages.map(({ payload }) => payload);
  }

  /** Sends a command; gives what the reply says, see {@link say}. */
  async ask(name: string, command: Command): Promise<string> {
    const [payload] = await this.converse(name, command);
    return say(payload);
  }

  /** Sends a command that must be answered by `expected`. */
  async expect(name: string, command: Command, expected: string | RegExp): Promise<void> {
    const answer = await this.ask(name, command);
    if (typeof expected === "string") assert.equal(answer, expected, `${command.kind} ${name}`);
    else assert.match(answer, expected, `${command.kind} ${name}`);
  }

  /** The unikernels at or below a name. */
  async info(name = ":"): Promise<readonly { name: string; info: UnikernelInfo }[]> {
    const [payload] = await this.converse(name, info);
    if (payload?.kind !== "success" || payload.success.kind !== "unikernels") assert.fail(`info says ${say(payload)}`);
    return payload.success.unikernels.map((entry) => ({ name: entry.name.text, info: entry.info }));
  }

  /** All policies but that of the root, whose bridges come and go with other tests. */
  async policies(): Promise<ReadonlyMap<string, Policy>> {
    const [payload] = await this.converse(":", { kind: "policy-info" });
    if (payload?.kind !== "success" || payload.success.kind !== "policies") assert.fail(`policies: ${say(payload)}`);
    const entries = payload.success.policies.map(({ name, policy }) => [name.text, policy] as const);
    return new Map(entries.filter(([name]) => name !== ":"));
  }

  /** How the unikernels are doing. */
  async status(name = ":"): Promise<readonly UnikernelStatus[]> {
    const [first, second] = await this.converse(name, info, STATUS_SEQUENCE);
    if (second?.kind !== "success" || second.success.kind !== "string") assert.fail(`status says ${say(first)}`);
    return JSON.parse(toText(second.success.text) ?? "") as UnikernelStatus[];
  }

  /** How one unikernel is doing; `undefined` if it is not listed. */
  async statusOf(name: string): Promise<UnikernelStatus | undefined> {
    return (await this.status(name))[0];
  }

  /** Waits until a unikernel is in a state; gives its status. */
  async reaches(name: string, state: string): Promise<UnikernelStatus> {
    return await until(`${name} is ${state}`, async () => {
      const status = await this.statusOf(name);
      return status?.state === state ? status : undefined;
    });
  }

  /** Waits until a unikernel is not known any more. */
  async vanishes(name: string): Promise<void> {
    await until(`${name} is gone`, async () => (await this.info(name)).length === 0);
  }

  /** Watches a console, from its beginning as far as it is kept. */
  async console(name: string, from: History = { count: 1000 }): Promise<ConsoleView> {
    const wire = await this.connect(this.consoleSocket);
    wire.send(commandFrame(name, { kind: "console-subscribe", from }));
    await wire.frame(0);
    return new ConsoleView(wire);
  }

  /** Makes a bridge of a unique name; like all of them it is removed at the end. */
  bridge(): ByteString {
    const name = fromText(`xe${process.pid.toString(36)}m${this.#number}n${this.#bridgeCount++}`);
    this.makeBridge(name);
    return name;
  }

  makeBridge(name: ByteString): void {
    createBridge(name);
    execFileSync("ip", ["link", "set", name, "up"]);
    if (!this.#bridges.includes(name)) this.#bridges.push(name);
  }

  removeBridge(name: ByteString): void {
    const link = findLink(name);
    if (link !== undefined) removeLink(link.index);
  }

  /** The taps that albatrossd of this machine made. */
  taps(): readonly string[] {
    const file = join(this.dbdir, "albatross.sqlite");
    if (!existsSync(file)) return [];
    let id: string | undefined;
    const database = new DatabaseSync(file);
    try {
      id = (database.prepare("SELECT value FROM meta WHERE key = 'id'").get() as { value: string } | undefined)?.value;
    } catch {
      return []; // a test has broken the database on purpose
    } finally {
      database.close();
    }
    return listLinks("tun").flatMap(({ name, alias }) => (alias === `albatross:${id}` ? [name] : []));
  }

  /** The processes that run unikernels of this machine: process id and command line. */
  processes(): readonly { readonly pid: number; readonly words: readonly string[] }[] {
    const found: { pid: number; parent: number; words: readonly string[] }[] = [];
    for (const entry of readdirSync("/proc")) {
      if (!/^\d+$/.test(entry)) continue;
      try {
        const words = readFileSync(`/proc/${entry}/cmdline`, "utf8").split("\0");
        const ours = words.some((word) => word.startsWith(`${this.tmpdir}/`) && word.endsWith(".img"));
        const parent = Number(/\) \S (\d+) /.exec(readFileSync(`/proc/${entry}/stat`, "latin1"))?.[1]);
        if (ours) found.push({ pid: Number(entry), parent, words });
      } catch {
        // it has ended meanwhile
      }
    }
    // A child has the words of its parent until it has become another program.
    return found.filter(({ parent }) => !found.some(({ pid }) => pid === parent));
  }

  /** Whatever writes to the consoles of this machine, be it a unikernel or the child of a plugin's. */
  #writers(): readonly number[] {
    return readdirSync("/proc")
      .filter((entry) => /^\d+$/.test(entry))
      .filter((pid) => {
        try {
          return readlinkSync(`/proc/${pid}/fd/1`).startsWith(`${this.tmpdir}/`);
        } catch {
          return false; // it has ended
        }
      })
      .map(Number);
  }

  /** The processes that run one unikernel. */
  processesOf(name: string): readonly number[] {
    const image = join(this.tmpdir, `${parseName(name).text}.img`);
    return this.processes().flatMap(({ pid, words }) => (words.includes(image) ? [pid] : []));
  }

  /** Everything on the host that belongs to unikernels, for comparisons: files, taps, processes, rows. */
  traces(): readonly string[] {
    const list = (folder: string, kind: string) =>
      existsSync(folder)
        ? readdirSync(folder).flatMap((file) =>
            statSync(join(folder, file), { throwIfNoEntry: false })?.isDirectory() ? [] : [`${kind} ${file}`],
          )
        : [];
    return [
      ...list(this.tmpdir, "run"),
      ...list(join(this.tmpdir, "fifo"), "fifo"),
      ...list(join(this.dbdir, "images"), "image"),
      ...list(join(this.dbdir, "block"), "block"),
      ...this.taps().map((tap) => `tap ${tap}`),
      ...this.processes().map(({ words }) => `process ${words.join(" ")}`),
      ...this.rows().map((name) => `row ${name}`),
    ].sort();
  }

  /** The unikernels in the database. */
  rows(): readonly string[] {
    const file = join(this.dbdir, "albatross.sqlite");
    if (!existsSync(file)) return [];
    const database = new DatabaseSync(file);
    try {
      const rows = database.prepare("SELECT name FROM unikernels ORDER BY name").all() as { name: string }[];
      return rows.map(({ name }) => name);
    } finally {
      database.close();
    }
  }

  /** Changes the database while albatrossd has it open, e.g. so that it refuses something. */
  changeDatabase(sql: string): void {
    const database = new DatabaseSync(join(this.dbdir, "albatross.sqlite"));
    try {
      database.exec(`PRAGMA busy_timeout=5000; ${sql}`);
    } finally {
      database.close();
    }
  }

  /** Ends every process that was started here, and removes their taps. */
  async stopAll(): Promise<void> {
    for (const wire of this.#wires) wire.close();
    await Promise.all(this.#daemons.map((daemon) => daemon.stop("SIGKILL")));
    for (const pid of new Set([...this.processes().map((process) => process.pid), ...this.#writers()])) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // it has ended meanwhile
      }
    }
    await until("the unikernels are gone", () => this.processes().length === 0 && this.#writers().length === 0);
    for (const tap of this.taps()) {
      const link = findLink(fromText(tap));
      if (link !== undefined) removeLink(link.index);
    }
  }

  /** Ends everything that was started here and removes every trace. */
  async close(): Promise<void> {
    await this.stopAll();
    for (const bridge of this.#bridges) this.removeBridge(bridge);
    rmSync(this.directory, { recursive: true, force: true });
  }
}
