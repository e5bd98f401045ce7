/**
 * `npm run demo`: boots a real unikernel through the whole system, in a temporary directory, and shows its console.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { thisHardware } from "../backends/hvt/built-in-tender.ts";
import { build } from "./build.ts";
import { emulatorNeeds, ensurePackages } from "./debian.ts";

/** Milliseconds that a daemon may take to listen, and a command to end. */
const PATIENCE_MS = 10_000;

const POLL_MS = 20;

const image = join(import.meta.dirname, "..", "examples", "hello.hvt");

/** The programs of the demo, in one temporary directory. */
class Demo {
  readonly #folder = mkdtempSync(join(tmpdir(), "albatross-demo-"));
  readonly #dist: string;
  readonly #daemons: ChildProcess[] = [];

  constructor(dist: string) {
    this.#dist = dist;
    for (const folder of ["run/util", "run/fifo", "db/block"]) {
      mkdirSync(join(this.#folder, folder), { recursive: true });
    }
  }

  /** Starts a daemon and waits until it listens. */
  async daemon(role: string, socket: string, ...flags: readonly string[]): Promise<void> {
    console.log(`$ ${role} ${flags.join(" ")} &`.replaceAll(this.#folder, "DEMO"));
    const child = spawn(join(this.#dist, role), flags, { stdio: ["ignore", "inherit", "inherit"] });
    this.#daemons.push(child);
    const path = join(this.#folder, "run/util", socket);
    for (let waited = 0; !existsSync(path); waited += POLL_MS) {
      if (child.exitCode !== null) throw new Error(`${role} ended with status ${child.exitCode}, see above`);
      if (waited > PATIENCE_MS) throw new Error(`${role} does not listen after ${PATIENCE_MS} ms`);
      await sleep(POLL_MS);
    }
  }

  /** Runs a client command, showing what it prints; gives its output. `patience`: end it after so long, and go on. */
  async client(args: readonly string[], patience?: number): Promise<string> {
    const all = args[0] === "inspect" ? args : [...args, `--tmpdir=${this.#folder}/run`];
    console.log(`$ albatross-client ${args.map((arg) => (arg === image ? "examples/hello.hvt" : arg)).join(" ")}`);
    const child = spawn(join(this.#dist, "albatross-client"), all, { stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      process.stdout.write(chunk);
    });
    const timer = setTimeout(() => child.kill("SIGINT"), patience ?? PATIENCE_MS);
    const status = await new Promise<number | null>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", resolve);
    });
    clearTimeout(timer);
    if (status !== 0 && patience === undefined) throw new Error(`albatross-client ended with status ${status}`);
    return output;
  }

  get folder(): string {
    return this.#folder;
  }

  /** Ends the daemons and removes everything. @returns what was left behind where nothing should be */
  async close(): Promise<string[]> {
    for (const child of this.#daemons.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await ended;
    }
    const run = join(this.#folder, "run");
    const left = [...readdirSync(run).filter((file) => file.endsWith(".img")), ...readdirSync(join(run, "fifo"))];
    rmSync(this.#folder, { recursive: true, force: true });
    return left;
  }
}

function expect(output: string, text: string): void {
  if (!output.includes(text)) throw new Error(`The demo expected to see "${text}"`);
}

async function main(): Promise<void> {
  if (thisHardware.kvmError() !== undefined) {
    console.log("There is no usable /dev/kvm here: the built-in tender emulates a CPU instead, which is slower.");
    if (!ensurePackages(emulatorNeeds)) process.exit(1);
  }
  const demo = new Demo(build());
  const { folder } = demo;
  const directories = [`--tmpdir=${folder}/run`, `--dbdir=${folder}/db`];
  let left: string[] = [];
  try {
    await demo.daemon("albatross-console", "console.sock", `--tmpdir=${folder}/run`);
    await demo.daemon("albatrossd", "vmmd.sock", ...directories, "--allow-emulation");
    await demo.client(["inspect", image]);
    expect(await demo.client(["create", "hello", image, "--arg=--hello=world"]), "created unikernel");
    expect(await demo.client(["console", "hello"], 500), "Hello from Albatross");
    expect(await demo.client(["create", "ticker", image.replace("hello", "ticker"), "--mem=16"]), "created unikernel");
    expect(await demo.client(["info"]), "ticker");
    expect(await demo.client(["console", "ticker"], 1_500), "tick");
    expect(await demo.client(["destroy", "ticker"]), "destroyed unikernel");
    expect(await demo.client(["info"]), "no unikernels");
  } finally {
    left = await demo.close();
  }
  if (left.length > 0) throw new Error(`The demo left ${left.join(", ")} behind`);
  console.log("Everything is gone again.");
}

await main();
