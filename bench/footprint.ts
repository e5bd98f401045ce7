/**
 * What an idle installation takes: the size of the executable, how long the daemons take until they listen, and their
 * memory, threads, descriptors and processor time when nothing happens. Run by `bun bench/footprint.ts [SECONDS…]`,
 * which builds first; Linux only.
 *
 * The floor is as many processes of an empty program, compiled with the same flags, that only listens on a socket.
 *
 * @module
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type SocketRole, socketFile } from "../core/paths.ts";
import { EndpointRig } from "../test/daemon/tls-endpoint/endpoint-rig.ts";
import { build, compileFlags } from "../tools/build.ts";
import { activityOf, footprintOf } from "./process-figures.ts";

/**
 * When it is looked at them, seconds after the start. The runtime collects garbage every second in the first half minute,
 * then every half minute.
 */
const moments = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [10, 60];

/** How long processor time and wakeups are counted then, milliseconds. */
const WATCH_MS = 5000;

/** Starts of all daemons that are timed. */
const STARTS = 7;

/** A program, and the socket or port that tells that it serves; influx has none. */
interface Program {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly serves: string | number | undefined;
}

interface Started {
  readonly name: string;
  readonly pid: number;
  /** Milliseconds from the start of all until this one listens. */
  readonly listening: number | undefined;
  stop(): Promise<void>;
}

const listensOn = (where: string | number) =>
  new Promise<boolean>((resolve) => {
    const socket = typeof where === "string" ? connect(where) : connect(where, "127.0.0.1");
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });

/** Starts all at once, as a system does, and waits until they listen. */
async function startAll(programs: readonly Program[]): Promise<readonly Started[]> {
  for (const { serves } of programs) {
    if (typeof serves === "string") rmSync(serves, { force: true }); // what an ended one has left
  }
  const begin = performance.now();
  return await Promise.all(
    programs.map(async ({ name, command: [file, ...words], serves }) => {
      const child = spawn(file, words, { stdio: ["ignore", "ignore", "inherit"], cwd: "/" });
      const ended = new Promise<void>((resolve) => child.on("exit", () => resolve()));
      let listening: number | undefined;
      while (serves !== undefined && listening === undefined) {
        if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode} instead of listening`);
        if (await listensOn(serves)) listening = performance.now() - begin;
        else await sleep(1);
      }
      const stop = async () => {
        child.kill();
        await ended;
      };
      return { name, pid: child.pid ?? 0, listening, stop };
    }),
  );
}

const column = (value: number, decimals: number) => value.toFixed(decimals).padStart(9);

/** Prints what idle programs take, and what they do for a while. */
async function watch(what: string, started: readonly Started[]): Promise<void> {
  const before = started.map(({ pid }) => activityOf(pid));
  await sleep(WATCH_MS);
  const rows = started.map(({ pid, name }, at) => {
    const { cpu, wakeups } = activityOf(pid);
    const { pss, private: own, resident, threads, descriptors } = footprintOf(pid);
    const done = [cpu - (before[at]?.cpu ?? 0), wakeups - (before[at]?.wakeups ?? 0)];
    return { name, figures: [pss, own, resident, threads, descriptors, ...done] };
  });
  const sum = rows.reduce<readonly number[]>((sums, { figures }) => figures.map((f, at) => f + (sums[at] ?? 0)), []);
  const heads = ["PSS MB", "own MB", "RSS MB", "threads", "files", "CPU ms", "wakeups"];
  console.log(`\n${what}\n${"".padEnd(24)}${heads.map((head) => head.padStart(9)).join("")}`);
  for (const { name, figures } of [...rows, { name: "in sum", figures: sum }]) {
    console.log(name.padEnd(24) + figures.map((figure, at) => column(figure, [1, 1, 1, 0, 0, 2, 0][at] ?? 0)).join(""));
  }
}

/** Lets programs idle, and looks at them from time to time. */
async function idle(what: string, programs: readonly Program[]): Promise<void> {
  const started = await startAll(programs);
  const begin = performance.now();
  try {
    for (const seconds of moments) {
      await sleep(begin + seconds * 1000 - performance.now());
      await watch(`${what}, idle for ${seconds} s`, started);
    }
  } finally {
    for (const { stop } of started) await stop();
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** Starts and ends programs again and again; prints when they listen. */
async function starts(what: string, programs: readonly Program[]): Promise<void> {
  const times = new Map<string, number[]>();
  const last: number[] = [];
  for (let run = -1; run < STARTS; run++) {
    const started = await startAll(programs);
    for (const { stop } of started) await stop();
    if (run < 0) continue; // the first one reads the executable from the disk
    for (const { name, listening } of started) {
      if (listening !== undefined) times.set(name, [...(times.get(name) ?? []), listening]);
    }
    last.push(Math.max(...started.map(({ listening }) => listening ?? 0)));
  }
  const each = [...times].map(([name, values]) => `${name} ${median(values).toFixed(0)}`).join(", ");
  console.log(`${what}, started at once: all listen after ${median(last).toFixed(0)} ms (${each})`);
}

function compileFloor(folder: string): string {
  const entry = join(folder, "floor.ts");
  writeFileSync(entry, "Bun.listen({ unix: process.argv[2] ?? '', socket: { data() {} } });\n");
  const file = join(folder, "floor");
  const { status, stderr } = spawnSync(process.execPath, ["build", ...compileFlags(), entry, "--outfile", file], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`Cannot compile the floor: ${stderr}`);
  return file;
}

/** A port that nobody uses at present. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

const programs = process.env["ALBATROSS_PROGRAMS"] ?? build();
const rig = new EndpointRig();
const folder = mkdtempSync(join(tmpdir(), "albatross-bench-"));
try {
  console.log(`the executable: ${(statSync(join(programs, "albatross")).size / 1e6).toFixed(2)} MB`);
  const { tmpdir: run, dbdir } = rig.machine;
  for (const name of ["util", "fifo"]) mkdirSync(join(run, name));
  const role = (name: string, words: readonly string[], serves: SocketRole | number | undefined): Program => ({
    name,
    command: [join(programs, name), ...words, `--tmpdir=${run}`],
    serves: typeof serves === "string" ? socketFile(run, serves) : serves,
  });
  const port = await freePort();
  const four = [
    role("albatross-console", [], "console"),
    role("albatross-stats", [], "stat"),
    role("albatrossd", [`--dbdir=${dbdir}`], "vmmd"),
    role(
      "albatross-tls-endpoint",
      [`--port=${port}`, `--crl-directory=${rig.lists}`, `--spool=${rig.spool}`, ...rig.operands],
      port,
    ),
  ];
  // Nobody listens where influx is to send to: it tries again and again, as when Influx is down.
  const six = [
    ...four,
    role("albatross-log", [`--logfile=${join(dbdir, "log")}`], "log"),
    role("albatross-influx", [`--influx=127.0.0.1:${await freePort()}`], undefined),
  ];
  const floor = compileFloor(folder);
  const floors = four.map((_, at) => {
    const socket = join(folder, `${at}.sock`);
    return { name: `empty program ${at + 1}`, command: [floor, socket] as const, serves: socket };
  });
  await starts("four empty programs", floors);
  await starts("four daemons", four);
  await idle("four empty programs", floors);
  await idle("four daemons", four);
  await idle("six daemons", six);
} finally {
  rmSync(folder, { recursive: true });
  await rig.close();
}
process.exit();
