/**
 * What a scrape costs: `/metrics` of albatross-stats with 200 unikernels, measured anew and from the cache, and its size.
 * Run by `bun bench/metrics.ts`, after `npm run build` with `ALBATROSS_PROGRAMS=dist`.
 *
 * The unikernels are sleeping processes, each with a tap, in a network namespace.
 *
 * @module
 */
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fromText } from "../core/byte-string.ts";
import { CACHE_MS } from "../plugins/openmetrics/metrics-server.ts";
import { commandFrame, Machine, until } from "../test/end-to-end/harness.ts";

const UNIKERNELS = 200;
const ROUNDS = 10;

const space = `albm${process.pid}`;
const machine = new Machine();
const sleepers: ReturnType<typeof spawn>[] = [];

function scrape(socketPath: string): Promise<{ readonly milliseconds: number; readonly bytes: number }> {
  const begun = performance.now();
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path: "/metrics", agent: false }, (response) => {
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
      });
      response.on("end", () => resolve({ milliseconds: performance.now() - begun, bytes }));
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

try {
  execFileSync("ip", ["netns", "add", space]);
  mkdirSync(join(machine.tmpdir, "util"), { recursive: true });
  const socket = join(machine.tmpdir, "bench.metrics");
  const words = [`--tmpdir=${machine.tmpdir}`, `--metrics=${socket}`, "--interval=3600", "-v"];
  const daemon = machine.launch("albatross-stats", words, ["ip", "netns", "exec", space]);
  await daemon.logged(/serving metrics/);
  const wire = await machine.connect(join(machine.tmpdir, "util", "stat.sock"));
  for (let at = 0; at < UNIKERNELS; at++) {
    execFileSync("ip", ["-n", space, "tuntap", "add", "dev", `bt${at}`, "mode", "tap"]);
    const sleeper = spawn("sleep", ["3600"], { stdio: "ignore" });
    sleepers.push(sleeper);
    const networks = [{ device: fromText("service"), tap: fromText(`bt${at}`) }];
    const pid = sleeper.pid ?? 0;
    wire.send(commandFrame(`t${at % 10}:u${at}`, { kind: "statistics-add", device: fromText(""), pid, networks }));
  }
  await until("all are added", () => wire.frames.length === UNIKERNELS);
  const fresh: number[] = [];
  const cached: number[] = [];
  let bytes = 0;
  for (let round = 0; round <= ROUNDS; round++) {
    const first = await scrape(socket);
    const second = await scrape(socket);
    ({ bytes } = first);
    if (round > 0) {
      fresh.push(first.milliseconds);
      cached.push(second.milliseconds);
    }
    await sleep(CACHE_MS + 50);
  }
  const [measured, kept] = [median(fresh), median(cached)].map((value) => value.toFixed(1));
  console.log(
    `/metrics with ${UNIKERNELS} unikernels: ${measured} ms, from the cache ${kept} ms, ${(bytes / 1000).toFixed(0)} kB`,
  );
} finally {
  for (const sleeper of sleepers) sleeper.kill();
  await machine.close();
  execFileSync("ip", ["netns", "delete", space]);
}
process.exit();
