/**
 * How fast a console passes from a fifo to a subscriber, beside how fast the same writer fills `cat >/dev/null`.
 *
 * Writer, console daemon and subscriber compete for the processors, as they do in use. Run by `bun bench/console.ts`;
 * needs a C compiler for the writer and the subscriber.
 *
 * @module
 */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseName } from "../core/name.ts";
import { encodeFrame } from "../core/wire/message-codec.ts";
import { Daemon, sleep } from "../test/daemon/console/harness.ts";

interface Load {
  readonly what: string;
  readonly lineBytes: number;
  readonly lines: number;
  /** Bytes per write; 0: one write per line. */
  readonly block: number;
  /** What SPECIFICATION asks for: lines per second. */
  readonly target: number;
}

const loads: readonly Load[] = [
  { what: "64-byte lines, a write each", lineBytes: 64, lines: 3_000_000, block: 0, target: 600_000 },
  { what: "64-byte lines, 64 KiB a write", lineBytes: 64, lines: 3_000_000, block: 65_536, target: 600_000 },
  { what: "500-byte lines, a write each", lineBytes: 500, lines: 1_000_000, block: 0, target: 300_000 },
  { what: "500-byte lines, 64 KiB a write", lineBytes: 500, lines: 1_000_000, block: 65_536, target: 300_000 },
];

const folder = mkdtempSync(join(tmpdir(), "albatross-bench-"));

function compile(name: string): string {
  const program = join(folder, name);
  execFileSync("cc", ["-O2", "-o", program, join(import.meta.dirname, `${name}.c`)]);
  return program;
}

const writer = compile("console-writer");
const reader = compile("console-reader");

const finished = (child: ReturnType<typeof spawn>) =>
  new Promise<void>((resolve) => child.on("close", () => resolve()));

function startWriter(path: string, { lineBytes, lines, block }: Load) {
  return spawn(writer, [path, String(lineBytes), String(lines), String(block)], { stdio: "inherit" });
}

/** Lines per second of the writer into `cat`. */
async function floorOf(load: Load): Promise<number> {
  const path = join(folder, "floor");
  execFileSync("mkfifo", [path]);
  const cat = spawn("sh", ["-c", `exec cat "$1" >/dev/null`, "sh", path]);
  const start = performance.now();
  startWriter(path, load);
  await finished(cat);
  rmSync(path);
  return (load.lines / (performance.now() - start)) * 1000;
}

interface Measured {
  /** Lines per second until the subscriber had the last one. */
  readonly rate: number;
  /** Lines the subscriber got. */
  readonly got: number;
  /** The daemon's processor time, seconds. */
  readonly cpu: number;
}

function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function consoleOf(daemon: Daemon, name: string, load: Load): Promise<Measured> {
  const opened = await daemon.console(name);
  const frame = join(folder, "subscribe");
  const header = { sequence: 0n, name: parseName(name) };
  await Bun.write(
    frame,
    encodeFrame({ header, payload: { kind: "command", command: { kind: "console-subscribe", from: { count: 0 } } } }),
  );
  const subscriber = spawn(reader, [daemon.socket, String(load.lines)], {
    stdio: [openSync(frame, "r"), "pipe", "inherit"],
  });
  let output = "";
  await new Promise<void>((resolve) => {
    subscriber.stdout?.on("data", (chunk) => {
      output += chunk;
      resolve();
    });
  });
  const before = cpuSeconds(daemon.pid);
  const start = performance.now();
  startWriter(daemon.fifoPath(name), load);
  const limit = setTimeout(() => subscriber.kill(), 60_000);
  await finished(subscriber);
  clearTimeout(limit);
  const seconds = (performance.now() - start) / 1000;
  opened.close();
  const got = Number(output.split("\n")[1]?.split(" ")[0] ?? 0);
  return { rate: got / seconds, got, cpu: cpuSeconds(daemon.pid) - before };
}

function memory(pid: number): string {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const field = (name: string) =>
    Math.round(Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)?.[1] ?? 0) / 1024);
  return `${field("Rss")} MiB resident, ${field("Private_Dirty")} MiB of it private`;
}

/** Measures a daemon with these flags. */
async function measure(daemon: Daemon, variant: string): Promise<void> {
  console.log(variant);
  await sleep(300);
  console.log(`idle daemon: ${memory(daemon.pid)}`);
  for (const [index, load] of loads.entries()) {
    const floor = await floorOf(load);
    const { rate, got, cpu } = await consoleOf(daemon, `:bench${index}`, load);
    const megabytes = (rate * load.lineBytes) / 1e6;
    console.log(
      `${load.what}: ${Math.round(rate)} lines/s, ${megabytes.toFixed(0)} MB/s, ${got} of ${load.lines} lines delivered, ` +
        `daemon ${cpu.toFixed(2)} s; cat ${Math.round(floor)} lines/s (ratio ${(rate / floor).toFixed(3)}); ` +
        `target ${load.target}: ${rate >= load.target ? "met" : "MISSED"}`,
    );
  }
  console.log(`after the load: ${memory(daemon.pid)}`);
  const idle = cpuSeconds(daemon.pid);
  await sleep(5000);
  console.log(`idle for 5 s: ${((cpuSeconds(daemon.pid) - idle) * 1000).toFixed(0)} ms of processor time`);
}

const kept = mkdtempSync(join("/var/tmp", "albatross-bench-")); // on a disk
try {
  for (const [variant, flags] of [
    ["in memory only:", []],
    ["with --persist=16:", ["--persist=16", `--persist-directory=${kept}`]],
  ] as const) {
    const daemon = await Daemon.start(...flags);
    try {
      await measure(daemon, variant);
    } finally {
      await daemon.remove();
    }
  }
} finally {
  rmSync(kept, { recursive: true });
  rmSync(folder, { recursive: true });
}
