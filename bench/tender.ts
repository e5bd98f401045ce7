/**
 * The built-in tender beside Solo5's own: `npm run build`, then `bun bench/tender.ts [RUNS]`.
 *
 * Solo5's tender is taken from `SOLO5_HVT` or `PATH`, and left out where there is none. The tenders take turns, so that
 * the load of the machine falls on all alike.
 *
 * @module
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { accessSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildUnikernels } from "../test/unikernels/build.ts";

/** Hypercalls of each kind in one measurement. */
const ROUNDS = 20_000;
/** Megabytes of each guest. */
const MEMORY = 32;

interface Contender {
  readonly title: string;
  readonly command: readonly string[];
}

const runs = Number(process.argv[2] ?? 20);
const directory = mkdtempSync(join(tmpdir(), "albatross-bench-tender-"));

function contenders(): Contender[] {
  const solo5 = process.env["SOLO5_HVT"] ?? "solo5-hvt";
  const compiled = new URL("../dist/albatross", import.meta.url).pathname;
  const main = new URL("../backends/tender/main.ts", import.meta.url).pathname;
  const own = existsSync(compiled) ? [compiled, "tender"] : [process.execPath, main];
  const kind = existsSync(compiled) ? "" : ", not compiled";
  const list: Contender[] = [];
  const hasKvm = isUsable("/dev/kvm");
  if (hasKvm && spawnSync(solo5, ["--version"]).status === 0) list.push({ title: "solo5-hvt", command: [solo5] });
  if (hasKvm) list.push({ title: `built-in on KVM${kind}`, command: [...own, "--cpu=kvm"] });
  list.push({ title: `built-in, emulated CPU${kind}`, command: [...own, "--cpu=unicorn"] });
  return list;
}

function isUsable(path: string): boolean {
  try {
    accessSync(path);
    return true;
  } catch {
    return false;
  }
}

function start({ command }: Contender, image: string, ...args: readonly string[]): ChildProcess {
  const [program = "", ...first] = command;
  return spawn(program, [...first, `--mem=${MEMORY}`, "--", image, ...args], { stdio: ["ignore", "pipe", "ignore"] });
}

/** Milliseconds from start to the guest's first output, and to the end. */
async function timeHello(contender: Contender, image: string): Promise<{ first: number; end: number }> {
  const begin = performance.now();
  const child = start(contender, image);
  let first = Number.NaN;
  child.stdout?.once("data", () => {
    first = performance.now() - begin;
  });
  const status = await new Promise((resolve) => child.once("close", resolve));
  if (status !== 0) throw new Error(`${contender.title} ended with status ${status}`);
  return { first, end: performance.now() - begin };
}

/** Kilobytes of a tender whose guest sleeps: all that is resident, and what is anonymous memory of its own. */
async function measureMemory(contender: Contender, image: string): Promise<string> {
  const child = start(contender, image, "interval=100");
  try {
    await new Promise((resolve) => child.stdout?.once("data", resolve));
    const status = readFileSync(`/proc/${child.pid}/status`, "latin1");
    const field = (name: string) => new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1] ?? "?";
    return `${field("VmRSS")} kB resident, ${field("RssAnon")} kB of it anonymous`;
  } finally {
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("close", resolve));
  }
}

/** The lines the guest prints on its hypercalls. */
async function measureCalls(contender: Contender, image: string): Promise<string[]> {
  const child = start(contender, image, `rounds=${ROUNDS}`);
  let text = "";
  child.stdout?.on("data", (chunk: Uint8Array) => {
    text += new TextDecoder().decode(chunk);
  });
  await new Promise((resolve) => child.once("close", resolve));
  return text.trim().split("\n");
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
const show = (label: string, value: string) => console.log(`  ${label.padEnd(32)} ${value}`);

try {
  const images = await buildUnikernels(directory);
  const list = contenders();
  const times = list.map(() => ({ first: [] as number[], end: [] as number[] }));
  for (let run = 0; run < runs; run++) {
    for (const [index, contender] of list.entries()) {
      const { first, end } = await timeHello(contender, images.hello);
      times[index]?.first.push(first);
      times[index]?.end.push(end);
    }
  }
  for (const [index, contender] of list.entries()) {
    console.log(contender.title);
    show("start to first output, median", `${median(times[index]?.first ?? []).toFixed(1)} ms`);
    show("start to end, median", `${median(times[index]?.end ?? []).toFixed(1)} ms`);
    for (const line of await measureCalls(contender, images.bench)) show("hypercall", line);
    show("memory, guest asleep", await measureMemory(contender, images.ticker));
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
