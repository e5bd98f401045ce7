/**
 * The log daemon as a process of its own, with a directory, its feeders and subscribers.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toText } from "../../../core/byte-string.ts";
import { formatCursor, parseLogId } from "../../../core/log/cursor.ts";
import { type Cursor, type LogEvent, subjectOf } from "../../../core/log/event.ts";
import { parseName } from "../../../core/name.ts";
import { FrameReader } from "../../../core/wire/framing.ts";
import type { LogHistory, Message } from "../../../core/wire/message.ts";
import { decodeMessage, encodeFrame } from "../../../core/wire/message-codec.ts";
import { type Connection, connectUnix } from "../../../runtime/unix-socket.ts";
import { until } from "../../end-to-end/harness.ts";
import { numberOf } from "./journal-rig.ts";

const root = join(import.meta.dirname, "../../..");

/** A connection to the log, which collects what comes. */
export class LogClient {
  readonly messages: Message[] = [];
  closed = false;
  connection!: Connection;
  readonly #reader = new FrameReader(1024 * 1024);

  static async open(path: string): Promise<LogClient> {
    const client = new LogClient();
    client.connection = await connectUnix(path, (connection) => ({
      data(chunk) {
        for (const frame of client.#reader.push(chunk)) client.messages.push(decodeMessage(frame.slice()));
      },
      end: () => connection.end(),
      close() {
        client.closed = true;
      },
    }));
    return client;
  }

  /** Sends an event as a feeder does. */
  feed(event: LogEvent, sequence: bigint): void {
    const data = { kind: "log", timestamp: Date.now(), event } as const;
    const header = { sequence, name: subjectOf(event) };
    this.connection.send(encodeFrame({ header, payload: { kind: "data", data } }));
  }

  subscribe(name: string, from: LogHistory): void {
    const command = { kind: "log-subscribe", from } as const;
    const header = { sequence: 0n, name: parseName(name) };
    this.connection.send(encodeFrame({ header, payload: { kind: "command", command } }));
  }

  /** The events that came, with the numbers of their messages. */
  get events(): readonly { readonly number: number; readonly event: LogEvent }[] {
    return this.messages.flatMap(({ header, payload }) =>
      payload.kind === "data" && payload.data.kind === "log"
        ? [{ number: Number(header.sequence), event: payload.data.event }]
        : [],
    );
  }

  /** What the events are, see {@link numberOf}. */
  get said(): readonly string[] {
    return this.events.map(({ event }) => numberOf(event));
  }

  /** What the events are, but for the log's own. */
  get numbers(): readonly string[] {
    return this.said.filter((text) => !["startup", "hup", "caught-up"].includes(text));
  }

  async says(last: string): Promise<void> {
    await until(
      () => `${last} comes, after ${this.said.slice(-10).join()}`,
      () => this.said.at(-1) === last,
    );
  }

  /** The place behind the last message. */
  get cursor(): Cursor {
    const [answer] = this.messages;
    assert.ok(answer?.payload.kind === "success" && answer.payload.success.kind === "string");
    const log = parseLogId(toText(answer.payload.success.text) ?? "");
    assert.ok(log !== undefined);
    return { log, entry: this.messages.at(-1)?.header.sequence ?? 0n };
  }

  get cursorText(): string {
    return formatCursor(this.cursor);
  }

  async gone(): Promise<void> {
    await until("the connection is closed", () => this.closed);
  }

  close(): void {
    this.connection.destroy();
  }
}

export class LogRig {
  readonly directory: string = mkdtempSync(join(tmpdir(), "albatross-log-"));
  readonly socket: string = join(this.directory, "util/log.sock");
  readonly store: string = join(this.directory, "store");
  output = "";
  #child: ChildProcess | undefined;
  readonly #clients: LogClient[] = [];

  static async start(...flags: readonly string[]): Promise<LogRig> {
    const rig = new LogRig();
    mkdirSync(join(rig.directory, "util"));
    try {
      await rig.launch(...flags);
      return rig;
    } catch (error) {
      rmSync(rig.directory, { recursive: true });
      throw error;
    }
  }

  words(...flags: readonly string[]): readonly string[] {
    const program = [join(root, "main.ts"), "albatross-log"];
    return [...program, `--tmpdir=${this.directory}`, `--logfile=${this.store}`, "-vv", ...flags];
  }

  async launch(...flags: readonly string[]): Promise<void> {
    const child = spawn(process.execPath, this.words(...flags), { stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    this.output = "";
    const take = (chunk: Buffer) => {
      this.output += chunk;
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    await until(
      () => `the log listens: ${this.output}`,
      () => this.output.includes("listening on") || child.exitCode !== null,
    );
    assert.equal(child.exitCode, null, this.output);
    const client = await this.subscription(":", { count: 1 });
    await until("its own start is on the disk", () => client.said.includes("startup"));
    client.close();
  }

  get pid(): number {
    return this.#child?.pid ?? assert.fail("there is no daemon");
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | NodeJS.Signals | null> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const exit = new Promise<number | NodeJS.Signals | null>((resolve) =>
      child.on("exit", (status, by) => resolve(status ?? by)),
    );
    child.kill(signal);
    return await exit;
  }

  hangUp(): void {
    this.#child?.kill("SIGHUP");
  }

  async client(): Promise<LogClient> {
    const client = await LogClient.open(this.socket);
    this.#clients.push(client);
    return client;
  }

  /** A subscription, once it has been sent all that is past. */
  async subscription(name = ":", from: LogHistory = { count: 1_000_000 }): Promise<LogClient> {
    const client = await this.client();
    client.subscribe(name, from);
    await until(
      () => `${name} catches up: ${client.said.length} messages`,
      () => client.closed || client.said.includes("caught-up"),
    );
    return client;
  }

  /** Feeds events and waits until all are acknowledged. */
  async feed(...events: readonly LogEvent[]): Promise<void> {
    const client = await this.client();
    for (const [at, event] of events.entries()) client.feed(event, BigInt(at + 1));
    await until("the events are acknowledged", () => client.messages.length === events.length);
    client.close();
  }

  get files(): readonly string[] {
    return readdirSync(this.store).sort();
  }

  get descriptors(): number {
    return readdirSync(`/proc/${this.pid}/fd`).length;
  }

  async remove(): Promise<void> {
    for (const client of this.#clients) client.close();
    await this.stop("SIGKILL");
    rmSync(this.directory, { recursive: true });
  }
}
