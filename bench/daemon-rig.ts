/**
 * The compiled daemons in a temporary directory, for benchmarks.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fromText } from "../core/byte-string.ts";
import { type Name, parseName } from "../core/name.ts";
import { FrameReader, REPLY_FRAME_LIMIT } from "../core/wire/framing.ts";
import type { Command, Message } from "../core/wire/message.ts";
import { decodeMessage, encodeFrame } from "../core/wire/message-codec.ts";
import { type Connection, connectUnix } from "../runtime/unix-socket.ts";

const dist = join(import.meta.dirname, "..", "dist");

/** A pair of daemons. */
export class DaemonRig {
  readonly folder = mkdtempSync(join(tmpdir(), "albatross-bench-"));
  readonly #flags: readonly string[];
  #console: ChildProcess | undefined;
  #daemon: ChildProcess | undefined;

  constructor(flags: readonly string[] = []) {
    this.#flags = flags;
    for (const folder of ["run/util", "run/fifo", "db/block"]) {
      mkdirSync(join(this.folder, folder), { recursive: true });
    }
  }

  socket(role: "vmmd" | "console"): string {
    return join(this.folder, "run/util", `${role}.sock`);
  }

  get pid(): number {
    return this.#daemon?.pid ?? 0;
  }

  async startConsole(): Promise<void> {
    this.#console = spawn(join(dist, "albatross-console"), [`--tmpdir=${this.folder}/run`], { stdio: "inherit" });
    while (!existsSync(this.socket("console"))) await sleep(5);
  }

  async startDaemon(): Promise<void> {
    const flags = [`--tmpdir=${this.folder}/run`, `--dbdir=${this.folder}/db`, "--verbosity=error", ...this.#flags];
    this.#daemon = spawn(join(dist, "albatrossd"), flags, { stdio: "inherit" });
    for (;;) {
      try {
        (await connectUnix(this.socket("vmmd"), () => ({ data: () => undefined, close: () => undefined }))).destroy();
        return;
      } catch {
        await sleep(1);
      }
    }
  }

  /** Ends albatrossd. */
  async stopDaemon(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    await end(this.#daemon, signal);
  }

  async close(): Promise<void> {
    await this.stopDaemon();
    await end(this.#console, "SIGTERM");
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Resident memory of albatrossd: all of it, and what is its own (anonymous), in MB. */
  memory(): { readonly resident: number; readonly own: number } {
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0) / 1024;
    return { resident: field("VmRSS"), own: field("RssAnon") };
  }
}

async function end(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  await ended;
}

/** Sends one frame on a new connection; resolves with all replies when the daemon closes. */
export async function exchange(path: string, frame: Uint8Array): Promise<Message[]> {
  const replies: Message[] = [];
  const reader = new FrameReader(REPLY_FRAME_LIMIT);
  const closed = Promise.withResolvers<void>();
  await connectUnix(path, (connection) => {
    queueMicrotask(() => connection.send(frame));
    return {
      data(chunk) {
        for (const whole of reader.push(chunk)) replies.push(decodeMessage(whole));
      },
      end: () => connection.destroy(),
      close: () => closed.resolve(),
    };
  });
  await closed.promise;
  return replies;
}

/** Sends one frame and only counts the bytes of the reply. */
export async function exchangeQuickly(path: string, frame: Uint8Array): Promise<void> {
  const closed = Promise.withResolvers<void>();
  await connectUnix(path, (connection) => {
    queueMicrotask(() => connection.send(frame));
    return { data: () => undefined, end: () => connection.destroy(), close: () => closed.resolve() };
  });
  await closed.promise;
}

/** Calls `line` with each data message of a console; resolves when the subscription is acknowledged. */
export async function subscribe(path: string, name: Name, line: () => void): Promise<Connection> {
  const acknowledged = Promise.withResolvers<void>();
  const reader = new FrameReader(REPLY_FRAME_LIMIT);
  const connection = await connectUnix(path, () => ({
    data(chunk) {
      for (const whole of reader.push(chunk)) {
        if (decodeMessage(whole).payload.kind === "data") line();
        else acknowledged.resolve();
      }
    },
    close: () => acknowledged.resolve(),
  }));
  const command: Command = { kind: "console-subscribe", from: { count: 0 } };
  connection.send(encodeFrame({ header: { sequence: 0n, name }, payload: { kind: "command", command } }));
  await acknowledged.promise;
  return connection;
}

/** The frame of a command. */
export function commandFrame(name: string, command: Command): Uint8Array {
  return encodeFrame({ header: { sequence: 0n, name: parseName(name) }, payload: { kind: "command", command } });
}

/** The frame of a create. */
export function createFrame(
  name: string,
  image: Uint8Array,
  { bridge, args = [] }: { readonly bridge?: string; readonly args?: readonly string[] } = {},
): Uint8Array {
  const networks =
    bridge === undefined ? [] : [{ name: fromText("service"), bridge: fromText(bridge), mac: undefined }];
  return commandFrame(name, {
    kind: "unikernel-create",
    config: {
      type: "solo5",
      compressed: false,
      image,
      failBehaviour: { kind: "quit" },
      startup: undefined,
      addName: false,
      cpuIds: [0],
      memory: 2,
      blockDevices: [],
      networks,
      arguments: args.map(fromText),
      cpus: 1,
      linuxBootPartition: undefined,
    },
  });
}

/** `image` with `bytes` of random data behind it: another digest and size, and it still boots. */
export function padded(image: Uint8Array, bytes: number): Uint8Array {
  const padding = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += 65536) crypto.getRandomValues(padding.subarray(at, at + 65536));
  return Buffer.concat([image, padding]);
}

/** The element at a fraction of the sorted values. */
export function quantile(values: readonly number[], fraction: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? Number.NaN;
}
