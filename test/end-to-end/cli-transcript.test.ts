/**
 * All recorded calls of the original's client, in their order, made again with ours against our daemons: same text, same
 * exit status. What differs, and why, is in `recorded-differences.ts`.
 *
 * Everything runs in a network namespace of its own, so that bridge and ports have their recorded names.
 */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Daemon, images, Machine, program, until } from "./harness.ts";
import { additions, differences, type Outcome } from "./recorded-differences.ts";

interface Step {
  readonly heading: string;
  readonly command: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

/** The recording as steps; what was done to the daemons between calls is a step without a command. */
function readSteps(): readonly Step[] {
  const text = readFileSync(join(import.meta.dirname, "../vectors/cli/transcript.txt"), "utf8");
  const steps: Step[] = [];
  let heading = "";
  let step = { command: "", stdout: "", stderr: "" };
  for (const line of text.split("\n")) {
    if (line.startsWith("## ")) heading = line.slice(3);
    else if (line.startsWith("$ ")) step = { command: line.slice(2), stdout: "", stderr: "" };
    else if (line.startsWith("  out: ")) step.stdout += `${line.slice(7)}\n`;
    else if (line.startsWith("  err: ")) step.stderr += `${line.slice(7)}\n`;
    else if (line.startsWith("  exit: ")) steps.push({ heading, ...step, status: Number(line.slice(8)) });
    else if (/^albatrossd \d+/.test(line)) {
      const what = line.endsWith("stopped") ? "stop" : "start";
      steps.push({ heading, command: "", stdout: what, stderr: "", status: 0 });
    }
  }
  return steps;
}

/** Leaves out what differs between any two hosts, moments and images. */
function comparable(text: string): string {
  return text
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d-00:00/g, "TIME")
    .replace(/digest [0-9a-f]{64}/g, "digest SHA256")
    .replace(/(image (?:\(compression \w+\) )?)\d+( bytes)/g, "$1N$2")
    .replace(/(compression \w+ image )\d+( bytes)/g, "$1N$2")
    .replace(/\d+ unikernels 0(,\d+)* CPUids \d+ MB memory \d+ MB block, bridges: service/g, (policy) =>
      policy.startsWith("4611686018427387903 ") ? "ROOT POLICY" : policy,
    )
    .replace(/maximum allowed memory \(\d+, used/g, "maximum allowed memory (M, used")
    .replace(/dumped( image)? to \S+\//g, "dumped$1 to TMPDIR/")
    .replace(/version \S+ protocol/g, "version V protocol")
    .replace(/-----BEGIN CERTIFICATE-----[^-]*-----END/g, "-----BEGIN CERTIFICATE-----\nBASE64\n-----END")
    .replace(/^(stats: )?((?:utime|virtual-size|bridge|typ) .*)$/gm, (line) =>
      /^(stats: )?(utime|virtual-size|bridge \S+ flags)/.test(line) ? line.replace(/\b\d[\d.A-F]*/g, "N") : line,
    );
}

/** Of a console, that lines come in the recorded form: the unikernels here say something else. */
function consoleForm(text: string): string {
  const lines = text.split("\n").map((line) => line.replace(/^console TIME: .*$/, "console TIME: LINE"));
  return lines.filter((line, at) => line !== lines[at - 1]).join("\n");
}

const replay = new Machine();
const space = `albx${process.pid}`;
const inside = ["ip", "netns", "exec", space];
const ca = join(replay.directory, "ca");
const otherCa = join(replay.directory, "ca2");
const environment: Record<string, string> = {};
let running: Daemon[] = [];

function client(words: readonly string[], cwd: string): void {
  const [file, ...rest] = program("albatross-client");
  execFileSync(file, [...rest, ...words], { cwd, env: { ...process.env, ...environment } });
}

/** An image of ours under the recorded name, with the device that the recorded one had. */
function placeImage(recorded: string, image: Uint8Array, device?: readonly [string, string]): void {
  const folder = join(replay.directory, "solo5", "tests", recorded);
  mkdirSync(folder, { recursive: true });
  let bytes = Buffer.from(image);
  if (device !== undefined) {
    const [from, to] = device.map((name) => Buffer.from(`${name}\0`.padEnd(16, "\0")));
    bytes = Buffer.from(bytes.toString("latin1").replaceAll(String(from), String(to)), "latin1");
  }
  writeFileSync(join(folder, `${recorded}.hvt`), bytes);
}

async function startDaemons(): Promise<void> {
  const common = [`--tmpdir=${replay.tmpdir}`];
  const consoles = replay.launch("albatross-console", common, inside);
  const daemon = replay.launch("albatrossd", [...common, `--dbdir=${replay.dbdir}`], inside);
  const stats = replay.launch("albatross-stats", [...common, "--interval=1"], inside);
  running = [consoles, daemon, stats];
  for (const socket of ["console", "vmmd", "stat"]) {
    await until(
      () => `${socket} is served: ${running.map(({ log }) => log).join("\n")}`,
      () => spawnSync("test", ["-S", join(replay.tmpdir, "util", `${socket}.sock`)]).status === 0,
    );
  }
  await until("what was stored has been started", async () => {
    const unikernels = await replay.status();
    return unikernels.every(({ reason }) => reason !== "albatrossd has just been started");
  });
  await startEndpoint(10250, [join(ca, "cacert.pem"), join(ca, "server.pem"), join(ca, "server.key")]);
}

async function startEndpoint(port: number, operands: readonly string[]): Promise<void> {
  const words = [`--tmpdir=${replay.tmpdir}`, `--port=${port}`, "-v", ...operands];
  const endpoint = replay.launch("albatross-tls-endpoint", words, inside);
  running.push(endpoint);
  await endpoint.logged(/listening/);
}

async function stopDaemons(): Promise<void> {
  for (const daemon of running.reverse()) await daemon.stop();
  running = [];
}

before(async () => {
  const made = await images();
  placeImage("test_hello", made.hello);
  placeImage("test_net", made["net-echo"], ["service", "service0"]);
  placeImage("test_blk", made["block-hold"]);
  for (const folder of [ca, otherCa, join(replay.directory, "bin"), join(replay.directory, "tmp")]) mkdirSync(folder);
  for (const folder of ["util", "fifo"]) mkdirSync(join(replay.tmpdir, folder), { recursive: true });
  const [file, ...words] = program("albatross-client");
  const script = join(replay.directory, "bin", "albatross-client");
  writeFileSync(script, `#!/bin/sh\nexec ${[file, ...words].join(" ")} "$@"\n`);
  chmodSync(script, 0o755);
  writeFileSync(join(replay.directory, "blk.data"), Buffer.alloc(1_000_000, 7));
  Object.assign(environment, {
    W: replay.directory,
    SOLO5: join(replay.directory, "solo5"),
    PATH: `${join(replay.directory, "bin")}:${process.env["PATH"]}`,
    TMPDIR: join(replay.directory, "tmp"),
    TERM: "xterm",
  });
  client(["generate", "ca", "db"], ca);
  client(["generate", "other", "db"], otherCa);
  execFileSync("ip", ["netns", "add", space]);
  for (const words of ["link set lo up", "link add service type bridge", "link set service up"]) {
    execFileSync("ip", ["-n", space, ...words.split(" ")]);
  }
  await startDaemons();
  const pem = (folder: string, name: string) => join(folder, name);
  await startEndpoint(10251, [pem(ca, "cacert.pem"), pem(otherCa, "server.pem"), pem(otherCa, "server.key")]);
  await startEndpoint(10252, [pem(otherCa, "cacert.pem"), pem(ca, "server.pem"), pem(ca, "server.key")]);
});

after(async () => {
  await replay.close();
  spawnSync("ip", ["netns", "delete", space]);
});

/** The folder that a section of the recording ran in. */
function folderOf({ heading }: Step): string {
  return /CSR|TLS/.test(heading) ? ca : replay.directory;
}

function expectedOf(step: Step): Outcome {
  const recorded = { stdout: step.stdout, stderr: step.stderr, status: step.status };
  const difference = differences.find(
    ({ command, heading }) => command.test(step.command) && heading?.test(step.heading) !== false,
  );
  return difference === undefined ? recorded : difference.instead(recorded);
}

/** Lists come in no promised order (wire.md 6). */
function sortedLists(command: string, text: string): string {
  if (!/client (policy|inactive-consoles)/.test(command)) return text;
  const [first = "", ...rest] = text.trimEnd().split("\n");
  const host = /^host \[.*?\]: /.exec(first)?.[0] ?? "";
  return [host, ...[first.slice(host.length), ...rest].sort()].join("\n");
}

/** Of samples that are of the same form, one: how many come in the recorded time depends on the load. */
function oneSample(text: string): string {
  return text.replace(/(stats: (?:(?!stats: )[\s\S])+)(?:\1)+/g, "$1");
}

function normal(step: Step, { stdout, stderr, status }: Outcome): Outcome {
  const text = oneSample(sortedLists(step.command, comparable(stdout)));
  return { stdout: / console /.test(step.command) ? consoleForm(text) : text, stderr: comparable(stderr), status };
}

/** Standard error without what ours adds, where the original said nothing. */
function withoutAdditions(stderr: string): string {
  // There are more commands than the original had.
  const listed = stderr.replace(/Must be one of [\s\S]*/, "Must be one of …");
  const lines = listed.split("\n").filter((line) => !additions.some((addition) => addition.test(line)));
  return lines.join("\n");
}

async function perform(step: Step): Promise<void> {
  if (step.command === "") return await (step.stdout === "stop" ? stopDaemons() : startDaemons());
  const { NO_COLOR: _color, ...inherited } = process.env;
  const done = spawnSync("ip", ["netns", "exec", space, "sh", "-c", step.command], {
    cwd: folderOf(step),
    // The original styles its errors in a file, too; ours does when asked.
    env: { ...inherited, ...environment, ...(step.stderr.includes("\x1b") ? { FORCE_COLOR: "1" } : {}) },
    encoding: "utf8",
    timeout: 60_000,
  });
  const expected = normal(step, expectedOf(step));
  const found = normal(step, { stdout: done.stdout, stderr: done.stderr, status: done.status ?? -1 });
  const paths = (text: string) => text.replaceAll(replay.directory, "$W");
  assert.deepEqual(
    { ...found, stdout: paths(found.stdout), stderr: withoutAdditions(paths(found.stderr)) },
    { ...expected, stderr: withoutAdditions(expected.stderr) },
    step.command,
  );
}

describe("the recorded calls of the original's client", () => {
  for (const step of readSteps()) {
    it(`${step.heading}: ${step.command === "" ? `${step.stdout} the daemons` : step.command}`, () => perform(step));
  }
});
