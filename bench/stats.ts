/**
 * What albatross-stats costs: `npm run build`, then `bun bench/stats.ts`, as root.
 *
 * 200 unikernels are stood in for by processes that sleep, each with a tap in a network name space of its own, measured
 * every second; the floor is a loop that only reads the same files.
 *
 * @module
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { subscribeStatistics } from "../client/statistics.ts";
import { fromText } from "../core/byte-string.ts";
import { Name } from "../core/name.ts";
import { FrameReader } from "../core/wire/framing.ts";
import { decodeMessage } from "../core/wire/message-codec.ts";
import { type Connection, connectUnix } from "../runtime/unix-socket.ts";
import { commandFrame, quantile } from "./daemon-rig.ts";

const UNIKERNELS = 200;
const SUBSCRIBERS = 1_000;
const SECONDS = 20;

const dist = join(import.meta.dirname, "..", "dist");
const folder = mkdtempSync(join(tmpdir(), "albatross-bench-stats-"));
mkdirSync(join(folder, "util"));
const socket = join(folder, "util/stat.sock");
const space = `xs${process.pid.toString(36)}`;
const show = (line: string, value: string) => console.log(`${line.padEnd(66)} ${value}`);
const children: ChildProcess[] = [];

function start(file: string, words: readonly string[]): ChildProcess & { readonly pid: number } {
  const child = spawn(file, words, { stdio: "ignore" });
  children.push(child);
  if (child.pid === undefined) throw new Error(`cannot start ${file}`);
  return child as ChildProcess & { readonly pid: number };
}

/** Seconds of CPU, megabytes resident, and open descriptors. */
function usage(pid: number): { cpu: number; resident: number; descriptors: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.split(" ") ?? [];
  const resident = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1]) / 1024;
  return {
    cpu: (Number(stat[11]) + Number(stat[12])) / 100,
    resident,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
  };
}

/** A connection that has subscribed, and calls `data` for each sample. */
async function subscriber(name: string, data: () => void): Promise<Connection> {
  const answered = Promise.withResolvers<void>();
  const reader = new FrameReader(1 << 20);
  const connection = await connectUnix(socket, () => ({
    data(chunk) {
      for (const frame of reader.push(chunk)) {
        if (decodeMessage(frame).payload.kind === "data") data();
        else answered.resolve();
      }
    },
    close: () => answered.reject(new Error("the daemon closed a subscription")),
  }));
  connection.send(commandFrame(name, { kind: "statistics-subscribe" }));
  await answered.promise;
  return connection;
}

async function add(name: string, pid: number, tap: string): Promise<void> {
  const answered = Promise.withResolvers<void>();
  const connection = await connectUnix(socket, () => ({ data: () => answered.resolve(), close: () => undefined }));
  const networks = [{ device: fromText("service"), tap: fromText(tap) }];
  connection.send(commandFrame(name, { kind: "statistics-add", device: fromText(""), pid, networks }));
  await answered.promise;
  connection.destroy();
}

try {
  execFileSync("ip", ["netns", "add", space]);
  const taps = Array.from({ length: UNIKERNELS }, (_, at) => `vmmtap${at}`);
  const script = taps.map((tap) => `tuntap add ${tap} mode tap\nlink set ${tap} up`).join("\n");
  execFileSync("ip", ["-n", space, "-batch", "-"], { input: script });
  const daemon = start("ip", [
    "netns",
    "exec",
    space,
    join(dist, "albatross-stats"),
    `--tmpdir=${folder}`,
    "--interval=1",
    "-q",
  ]);
  for (let tries = 0; tries < 500; tries++) {
    try {
      (await connectUnix(socket, () => ({ data: () => undefined, close: () => undefined }))).destroy();
      break;
    } catch {
      await sleep(10);
    }
  }
  for (const [at, tap] of taps.entries()) await add(`tenant${at % 10}:u${at}`, start("sleep", ["10000"]).pid, tap);
  const measure = async (what: string) => {
    const before = usage(daemon.pid);
    await sleep(SECONDS * 1000);
    const after = usage(daemon.pid);
    const share = (100 * (after.cpu - before.cpu)) / SECONDS;
    show(`${what}: CPU of a core; resident`, `${share.toFixed(1)} %; ${after.resident.toFixed(0)} MB`);
  };
  await measure("nobody subscribed");

  const floorStart = process.cpuUsage();
  const pids = children.slice(1).map(({ pid }) => pid);
  for (let round = 0; round < 20; round++) {
    for (const pid of pids) for (const file of ["stat", "status"]) readFileSync(`/proc/${pid}/${file}`);
  }
  const floor = process.cpuUsage(floorStart);
  show(
    "floor: reading stat and status of 200 processes each second",
    `${((floor.user + floor.system) / 1e4 / 20).toFixed(1)} %`,
  );

  const stop = new AbortController();
  const arrivals: number[] = [];
  const listening = (async () => {
    try {
      for await (const { statistics } of subscribeStatistics(socket, Name.root, { signal: stop.signal })) {
        void statistics;
        arrivals.push(performance.now());
      }
    } catch {
      // the end of the benchmark
    }
  })();
  await measure("200 unikernels every second, one subscriber");
  stop.abort();
  await listening;
  const spans: number[] = [];
  for (let at = 0; at + UNIKERNELS <= arrivals.length; at += UNIKERNELS) {
    spans.push((arrivals[at + UNIKERNELS - 1] ?? 0) - (arrivals[at] ?? 0));
  }
  show("from the first to the last of 200 samples at a subscriber, median", `${quantile(spans, 0.5).toFixed(1)} ms`);

  let bytes = 0;
  const receiver = createServer((connection) =>
    connection.on("data", (chunk) => {
      bytes += chunk.length;
    }),
  );
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  const { port } = receiver.address() as { port: number };
  const influx = start(join(dist, "albatross-influx"), [`--tmpdir=${folder}`, `--influx=127.0.0.1:${port}`, "-q"]);
  await sleep(3000);
  const [firstBytes, before] = [bytes, usage(influx.pid)];
  await sleep(SECONDS * 1000);
  const after = usage(influx.pid);
  const share = (100 * (after.cpu - before.cpu)) / SECONDS;
  show("albatross-influx: to the receiver", `${((bytes - firstBytes) / SECONDS / 1000).toFixed(0)} kB/s`);
  show("albatross-influx: CPU of a core; resident", `${share.toFixed(1)} %; ${after.resident.toFixed(0)} MB`);

  const idle = usage(daemon.pid);
  for (let round = 1; round <= 5; round++) {
    let got = 0;
    const connections: Connection[] = [];
    for (let at = 0; at < SUBSCRIBERS; at++)
      connections.push(await subscriber(`tenant${at % 10}:u${at % UNIKERNELS}`, () => got++));
    const least = got + SUBSCRIBERS;
    const began = usage(daemon.pid).cpu;
    const startTime = performance.now();
    while (got < least) await sleep(5);
    await sleep(3000);
    const cpu = (100 * (usage(daemon.pid).cpu - began)) / ((performance.now() - startTime) / 1000);
    for (const connection of connections) connection.destroy();
    await sleep(500);
    const now = usage(daemon.pid);
    show(
      `${SUBSCRIBERS} subscribers opened and closed, round ${round}: CPU meanwhile; then`,
      `${cpu.toFixed(0)} %; ${now.resident.toFixed(0)} MB, ${now.descriptors - idle.descriptors} descriptors more`,
    );
  }
  receiver.close();
} finally {
  for (const child of children) child.kill("SIGKILL");
  execFileSync("ip", ["netns", "del", space]);
  rmSync(folder, { recursive: true, force: true });
}
process.exit();
