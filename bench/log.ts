/**
 * How fast the compiled albatross-log takes events that are on the disk when they are acknowledged, and how soon a
 * subscriber has one; beside what a bare `fdatasync` takes on the same disk. Run by `npm run build && bun bench/log.ts`.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fromText } from "../core/byte-string.ts";
import type { LogEvent } from "../core/log/event.ts";
import { parseName } from "../core/name.ts";
import { FrameReader } from "../core/wire/framing.ts";
import type { LogHistory } from "../core/wire/message.ts";
import { encodeFrame } from "../core/wire/message-codec.ts";
import { type Connection, connectUnix } from "../runtime/unix-socket.ts";

/** Events in the rate measurement, and at a time on their way: the feeder's window. */
const EVENTS = 200_000;
const WINDOW = 512;

/** What SPECIFICATION asks for: events per second, and milliseconds until a subscriber has one. */
const TARGET_RATE = 10_000;
const TARGET_LATENCY_MS = 5;

// On a real disk: /tmp may be memory.
const folder = mkdtempSync(join(process.env["BENCH_FOLDER"] ?? "/var/tmp", "albatross-bench-"));
const socket = join(folder, "run/util/log.sock");
mkdirSync(join(folder, "run/util"), { recursive: true });

const event = {
  kind: "unikernel-started",
  name: parseName("tenant:web"),
  digest: new Uint8Array(32),
  pid: 4711,
  taps: [{ device: fromText("service"), tap: fromText("tap42") }],
  blocks: [],
} as const satisfies LogEvent;

function start(): ChildProcess {
  const program = join(import.meta.dirname, "../dist/albatross-log");
  const words = [`--tmpdir=${folder}/run`, `--logfile=${folder}/log`, "--max-size=64"];
  return spawn(program, words, { stdio: "inherit" });
}

/** Connects; `take` gets the number of messages that came together. */
async function open(take: (messages: number) => void): Promise<Connection> {
  for (;;) {
    try {
      const reader = new FrameReader(1024 * 1024);
      return await connectUnix(socket, () => ({
        data(chunk) {
          let count = 0;
          reader.push(chunk);
          while (reader.next() !== undefined) count++;
          take(count);
        },
        close: () => undefined,
      }));
    } catch {
      await sleep(2);
    }
  }
}

let sequence = 1n << 32n;

function feed(connection: Connection): void {
  const data = { kind: "log", timestamp: Date.now(), event } as const;
  connection.send(encodeFrame({ header: { sequence: ++sequence, name: event.name }, payload: { kind: "data", data } }));
}

async function subscribe(from: LogHistory, take: (messages: number) => void): Promise<Connection> {
  const connection = await open(take);
  const header = { sequence: 0n, name: parseName(":") };
  connection.send(encodeFrame({ header, payload: { kind: "command", command: { kind: "log-subscribe", from } } }));
  return connection;
}

function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function resident(pid: number): number {
  return Math.round(Number(/^Rss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0) / 1024);
}

/** What it takes to have a small record on this disk: the median of milliseconds. */
function floor(): number {
  const file = openSync(join(folder, "floor"), "w");
  const times: number[] = [];
  for (let at = 0; at < 200; at++) {
    const begun = performance.now();
    writeSync(file, new Uint8Array(200));
    fdatasyncSync(file);
    times.push(performance.now() - begun);
  }
  closeSync(file);
  return quantile(times, 0.5);
}

function quantile(times: readonly number[], part: number): number {
  return [...times].sort((a, b) => a - b)[Math.floor(times.length * part)] ?? 0;
}

/** Events per second until each is acknowledged and a subscriber has it. */
async function rate(pid: number): Promise<void> {
  let [sent, acknowledged, delivered] = [0, 0, 0];
  const subscriber = await subscribe({ count: 0 }, (messages) => {
    delivered += messages;
  });
  while (delivered < 2) await sleep(1); // the answer, and that nothing is past
  delivered = 0;
  const done = Promise.withResolvers<void>();
  const feeder = await open((messages) => {
    acknowledged += messages;
    while (sent < EVENTS && sent - acknowledged < WINDOW) {
      feed(feeder);
      sent++;
    }
    if (acknowledged === EVENTS) done.resolve();
  });
  const before = cpuSeconds(pid);
  const begun = performance.now();
  for (; sent < WINDOW; sent++) feed(feeder);
  await done.promise;
  while (delivered < EVENTS) await sleep(1);
  const seconds = (performance.now() - begun) / 1000;
  const cpu = ((cpuSeconds(pid) - before) / EVENTS) * 1e6;
  const verdict = EVENTS / seconds >= TARGET_RATE ? "met" : "MISSED";
  console.log(
    `${Math.round(EVENTS / seconds)} events/s acknowledged and delivered, ${cpu.toFixed(0)} µs of CPU each; target ${TARGET_RATE}: ${verdict}`,
  );
  feeder.destroy();
  subscriber.destroy();
}

/** How long a single event takes to its acknowledgement and to a subscriber. */
async function latency(): Promise<void> {
  const idle = (): void => undefined;
  let [arrived, answered] = [idle, idle];
  let ready = 0;
  const subscriber = await subscribe({ count: 0 }, (messages) => {
    ready += messages;
    arrived();
  });
  while (ready < 2) await sleep(1);
  const feeder = await open(() => answered());
  const [toReader, toFeeder]: [number[], number[]] = [[], []];
  for (let at = 0; at < 500; at++) {
    const begun = performance.now();
    const both = [
      new Promise<void>((resolve) => {
        arrived = () => {
          toReader.push(performance.now() - begun);
          resolve();
        };
      }),
      new Promise<void>((resolve) => {
        answered = () => {
          toFeeder.push(performance.now() - begun);
          resolve();
        };
      }),
    ];
    feed(feeder);
    await Promise.all(both);
    await sleep(2);
  }
  const show = (times: readonly number[]) =>
    `${quantile(times, 0.5).toFixed(2)} ms median, ${quantile(times, 0.95).toFixed(2)} ms 95 %, ${quantile(times, 0.99).toFixed(2)} ms 99 %`;
  const verdict = quantile(toReader, 0.95) <= TARGET_LATENCY_MS ? "met" : "MISSED";
  console.log(`one event until its subscriber has it: ${show(toReader)}; target ${TARGET_LATENCY_MS} ms: ${verdict}`);
  console.log(`one event until it is acknowledged: ${show(toFeeder)}`);
  feeder.destroy();
  subscriber.destroy();
}

/** Reading everything that is kept. */
async function history(): Promise<void> {
  const begun = performance.now();
  let [count, last] = [0, performance.now()];
  const reader = await subscribe({ count: 10_000_000 }, (messages) => {
    count += messages;
    last = performance.now();
  });
  while (count === 0 || performance.now() - last < 300) await sleep(20);
  console.log(`history: ${count} events, ${Math.round((count / (last - begun)) * 1000)} events/s`);
  reader.destroy();
}

async function stop(daemon: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => daemon.on("exit", resolve));
  daemon.kill();
  await ended;
}

console.log(`write and fdatasync on this disk: ${floor().toFixed(2)} ms median`);
let daemon = start();
try {
  (await open(() => undefined)).destroy();
  await sleep(300);
  console.log(`idle: ${resident(daemon.pid ?? 0)} MiB resident`);
  await rate(daemon.pid ?? 0);
  await latency();
  await history();
  await stop(daemon);
  const begun = performance.now();
  rmSync(socket, { force: true });
  daemon = start();
  while (!existsSync(socket)) await sleep(2);
  console.log(
    `start with that: ${Math.round(performance.now() - begun)} ms, ${resident(daemon.pid ?? 0)} MiB resident`,
  );
} finally {
  await stop(daemon);
  rmSync(folder, { recursive: true });
}
