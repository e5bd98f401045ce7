/**
 * The console daemon as a process of its own, with a directory, and clients of it.
 */
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toText } from "../../../core/byte-string.ts";
import type { Int } from "../../../core/int.ts";
import { parseName } from "../../../core/name.ts";
import { DATA_FRAME_LIMIT, FrameReader } from "../../../core/wire/framing.ts";
import type { Command, History, Message } from "../../../core/wire/message.ts";
import { decodeMessage, encodeFrame } from "../../../core/wire/message-codec.ts";
import { type Connection, connectUnix } from "../../../runtime/unix-socket.ts";

const root = join(import.meta.dirname, "../../..");

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Longer than anything takes even on a busy machine, milliseconds. */
const PATIENCE_MS = 30_000;

/** Waits until `condition` holds; fails after {@link PATIENCE_MS}. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const limit = Date.now() + PATIENCE_MS;
  while (!condition()) {
    if (Date.now() > limit) assert.fail(`waited too long: ${what}`);
    await sleep(2);
  }
}

/** The line of a data message, without decoding the rest. */
function quickLine(frame: Uint8Array): string {
  const contentOf = (at: number) => at + 2 + ((frame[at + 1] ?? 0) > 127 ? (frame[at + 1] ?? 0) & 127 : 0);
  let at = contentOf(0);
  at += 2 + (frame[at + 1] ?? 0); // the header is short
  for (let depth = 0; depth < 3; depth++) at = contentOf(at);
  at += 2 + (frame[at + 1] ?? 0); // so is the time
  return Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength).toString("latin1", contentOf(at));
}

/** A client: collects what comes. */
export class Client {
  readonly frames: Uint8Array[] = [];
  readonly messages: Message[] = [];
  /** The lines among the messages, as text with one character per byte. */
  readonly lines: string[] = [];
  closed = false;
  ended = false;
  connection!: Connection;
  readonly #reader = new FrameReader(DATA_FRAME_LIMIT);
  /** Whether everything is kept; otherwise only {@link lines}, by a quicker way. */
  keep = true;

  static async connect(path: string): Promise<Client> {
    const client = new Client();
    client.connection = await connectUnix(path, () => ({
      data(chunk) {
        for (const frame of client.#reader.push(chunk)) client.#take(frame);
      },
      end() {
        client.ended = true;
        client.connection.end();
      },
      close() {
        client.closed = true;
      },
    }));
    return client;
  }

  #take(frame: Uint8Array): void {
    if (!this.keep) {
      this.lines.push(quickLine(frame));
      return;
    }
    const message = decodeMessage(frame);
    this.frames.push(frame.slice());
    this.messages.push(message);
    const { payload } = message;
    if (payload.kind === "data" && payload.data.kind === "console") {
      this.lines.push(Buffer.from(payload.data.line).toString("latin1"));
    }
  }

  command(name: string, command: Command, sequence = 0n): void {
    const header = { sequence, name: parseName(name) };
    this.connection.send(encodeFrame({ header, payload: { kind: "command", command } }));
  }

  /** Sends a command and waits for the answer: its text, or what it is. */
  async ask(name: string, command: Command): Promise<string> {
    const before = this.messages.length;
    this.command(name, command);
    await until(() => this.messages.length > before || this.closed, `an answer to ${command.kind}`);
    return answerText(this.messages[before]);
  }

  /** Waits for the daemon to close the connection. */
  async gone(): Promise<void> {
    await until(() => this.closed, "the connection to be closed");
  }
}

/** What an answer says, for comparisons. */
export function answerText(message: Message | undefined): string {
  if (message === undefined) return "closed";
  const { payload } = message;
  if (payload.kind === "failure") return `failure: ${toText(payload.text)}`;
  if (payload.kind !== "success") return payload.kind;
  const { success } = payload;
  if (success.kind === "string") return toText(success.text) ?? "";
  if (success.kind === "consoles") return `consoles: ${success.names.map((name) => name.text).join(" ")}`;
  return success.kind;
}

export const add = (limit: Int): Command => ({ kind: "console-add", limit });
export const subscribe = (from: History): Command => ({ kind: "console-subscribe", from });
export const inactive: Command = { kind: "console-inactive" };

/** A running daemon with a directory of its own. */
export class Daemon {
  readonly directory: string = mkdtempSync(join(tmpdir(), "albatross-console-"));
  readonly socket: string = join(this.directory, "util/console.sock");
  output = "";
  #child: ChildProcess | undefined;
  /** A program that starts the daemon, with its arguments. */
  #wrapper: readonly string[] = [];
  readonly #clients: Client[] = [];

  private constructor() {
    mkdirSync(join(this.directory, "util"));
    mkdirSync(join(this.directory, "fifo"));
  }

  static async start(...args: string[]): Promise<Daemon> {
    const daemon = new Daemon();
    try {
      await daemon.launch(...args);
    } catch (error) {
      rmSync(daemon.directory, { recursive: true });
      throw error;
    }
    return daemon;
  }

  /** Starts a daemon by another program, e.g. `env` or `prlimit`, which becomes the daemon. */
  static async startWrapped(wrapper: readonly string[]): Promise<Daemon> {
    const daemon = new Daemon();
    daemon.#wrapper = wrapper;
    await daemon.launch();
    return daemon;
  }

  /** Closes the reading ends of its standard output and error. */
  closeOutput(): void {
    this.#child?.stdout?.destroy();
    this.#child?.stderr?.destroy();
  }

  /** Tries to start a second process for the same directory; rejects with what it says. */
  async launchAnother(): Promise<never> {
    const args = [join(root, "main.ts"), "albatross-console", `--tmpdir=${this.directory}`];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
    let output = "";
    child.stderr.on("data", (chunk) => {
      output += chunk;
    });
    const status = await new Promise((resolve) => child.on("close", resolve));
    throw new Error(`exit ${status}: ${output}`);
  }

  /** Starts the process (again). */
  async launch(...args: string[]): Promise<void> {
    const [program = "", ...words] = [
      ...this.#wrapper,
      process.execPath,
      join(root, "main.ts"),
      "albatross-console",
      `--tmpdir=${this.directory}`,
      "-vv",
      ...args,
    ];
    const child = spawn(program, words, { stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    child.stdout.on("data", (chunk) => {
      this.output += chunk;
    });
    child.stderr.on("data", (chunk) => {
      this.output += chunk;
    });
    const ready = "listening on";
    this.output = "";
    await until(() => this.output.includes(ready) || child.exitCode !== null, "the daemon to listen");
    if (child.exitCode !== null) await sleep(20); // its last words
    assert.equal(child.exitCode, null, this.output);
  }

  get pid(): number {
    assert.ok(this.#child?.pid !== undefined);
    return this.#child.pid;
  }

  get alive(): boolean {
    return this.#child?.exitCode === null && this.#child.signalCode === null;
  }

  /** Open descriptors of the daemon. */
  get descriptors(): number {
    return readdirSync(`/proc/${this.pid}/fd`).length;
  }

  /** Ends the process in order; gives its exit status. */
  async stop(): Promise<number | null> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null) return child?.exitCode ?? null;
    const exit = new Promise<number | null>((resolve) => child.on("exit", (status) => resolve(status)));
    child.kill("SIGTERM");
    return await exit;
  }

  /** Ends the process and removes the directory. */
  async remove(): Promise<void> {
    for (const client of this.#clients) client.connection.destroy();
    await this.stop();
    rmSync(this.directory, { recursive: true });
  }

  async client(): Promise<Client> {
    const client = await Client.connect(this.socket);
    this.#clients.push(client);
    return client;
  }

  fifoPath(name: string): string {
    return join(this.directory, "fifo", parseName(name).text);
  }

  /** Makes the fifo of a console, a new one if it exists. */
  makeFifo(name: string): string {
    const path = this.fifoPath(name);
    if (existsSync(path)) unlinkSync(path);
    execFileSync("mkfifo", [path]);
    return path;
  }

  /** A connection as albatrossd has it, a new fifo, an add, and the writing end as a unikernel has it. */
  async console(name: string, limit: Int = 100): Promise<Writer> {
    const path = this.makeFifo(name);
    const client = await this.client();
    assert.equal(await client.ask(name, add(limit)), "empty");
    client.connection.end();
    return new Writer(path);
  }

  /** A new subscription, with the answer to it. */
  async subscription(name: string, from: History = { count: 1024 }): Promise<{ client: Client; answer: string }> {
    const client = await this.client();
    const answer = await client.ask(name, subscribe(from));
    return { client, answer };
  }
}

/** The writing end of a fifo, held open for reading and writing as unikernels do. */
export class Writer {
  readonly #fd: number;

  constructor(path: string) {
    this.#fd = openSync(path, constants.O_RDWR);
  }

  write(text: string | Uint8Array): void {
    const bytes = typeof text === "string" ? Buffer.from(text, "latin1") : text;
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at);
  }

  close(): void {
    closeSync(this.#fd);
  }
}
