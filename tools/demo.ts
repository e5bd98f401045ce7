/**
 * `npm run demo`: boots a real unikernel through the whole system, in a temporary directory, and shows its console.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { thisHardware } from "../backends/hvt/built-in-tender.ts";
import { build } from "./build.ts";
import { emulatorNeeds, ensurePackages } from "./debian.ts";

/** Milliseconds that a daemon may take to listen, and a command to end. */
const PATIENCE_MS = 10_000;

const POLL_MS = 20;

/** The signals that end the demo, with the exit status that a shell reports then. */
const endings = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

const image = join(import.meta.dirname, "..", "examples", "hello.hvt");

/** The programs of the demo, in one temporary directory. */
class Demo {
  readonly #folder = mkdtempSync(join(tmpdir(), "albatross-demo-"));
  readonly #dist: string;
  readonly #children: ChildProcess[] = [];
  #end: Promise<string[]> | undefined;

  constructor(dist: string) {
    this.#dist = dist;
    for (const folder of ["run/util", "run/fifo", "db/block", "pki/crls"]) {
      mkdirSync(join(this.#folder, folder), { recursive: true });
    }
  }

  /** Starts a daemon and waits until its socket is there. */
  async daemon(role: string, socket: string, ...flags: readonly string[]): Promise<void> {
    const path = join(this.#folder, "run/util", socket);
    await this.#start(role, flags, async () => existsSync(path));
  }

  /** Starts the endpoint and waits until it listens. */
  async endpoint(port: number, ...flags: readonly string[]): Promise<void> {
    await this.#start("albatross-tls-endpoint", [...flags, `--port=${port}`], () => accepts(port));
  }

  async #start(role: string, flags: readonly string[], ready: () => Promise<boolean>): Promise<void> {
    console.log(`$ ${role} ${flags.join(" ")} &`.replaceAll(this.#folder, "DEMO"));
    const child = spawn(join(this.#dist, role), flags, { stdio: ["ignore", "inherit", "inherit"] });
    this.#children.push(child);
    for (let waited = 0; !(await ready()); waited += POLL_MS) {
      if (child.exitCode !== null) throw new Error(`${role} ended with status ${child.exitCode}, see above`);
      if (waited > PATIENCE_MS) throw new Error(`${role} does not listen after ${PATIENCE_MS} ms`);
      await sleep(POLL_MS);
    }
  }

  /** Runs a client command, showing what it prints; gives its output. `until`: interrupt it when it has printed that. */
  async client(args: readonly string[], until?: string): Promise<string> {
    const all = args[0] === "inspect" ? args : [...args, `--tmpdir=${this.#folder}/run`];
    const { status, output } = await this.#run(args, all, until);
    if (status !== 0 && until === undefined) throw new Error(`albatross-client ended with status ${status}`);
    return output;
  }

  /** Runs a client command away from the host, in the folder of the certificates; it must end with `wanted`. */
  async far(args: readonly string[], wanted = 0, until?: string): Promise<string> {
    const { status, output } = await this.#run(args, args, until);
    if (status !== wanted) throw new Error(`albatross-client ended with status ${status}, not ${wanted}`);
    return output;
  }

  async #run(args: readonly string[], all: readonly string[], until: string | undefined) {
    const shown = args.map((arg) => (arg.endsWith(".hvt") ? arg.replace(/^.*(?=examples\/)/, "") : arg)).join(" ");
    console.log(`$ albatross-client ${shown}`.replaceAll(this.#folder, "DEMO"));
    const child = spawn(join(this.#dist, "albatross-client"), all, {
      stdio: ["ignore", "pipe", "inherit"],
      cwd: this.pki,
    });
    this.#children.push(child);
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      process.stdout.write(chunk);
      if (until !== undefined && output.includes(until)) child.kill("SIGINT");
    });
    const timer = setTimeout(() => child.kill("SIGINT"), PATIENCE_MS);
    const status = await new Promise<number | null>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", resolve);
    });
    clearTimeout(timer);
    return { status, output };
  }

  /** The folder of keys and certificates. */
  get pki(): string {
    return join(this.#folder, "pki");
  }

  get folder(): string {
    return this.#folder;
  }

  /** Ends all programs and removes everything, once. @returns what was left behind where nothing should be */
  close(): Promise<string[]> {
    this.#end ??= this.#close();
    return this.#end;
  }

  async #close(): Promise<string[]> {
    for (let child = this.#children.pop(); child !== undefined; child = this.#children.pop()) {
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

/** Whether somebody listens on a port of this host. */
function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.on("connect", () => resolve(true)).on("error", () => resolve(false));
    socket.on("connect", () => socket.destroy());
  });
}

/** A port of this host where nobody listens. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("There is no free port");
  return address.port;
}

function expect(output: string, text: string): void {
  if (!output.includes(text)) throw new Error(`The demo expected to see "${text}"`);
}

/** Statuses of the client where the demo wants it to fail. */
const REFUSED = { byHost: 117, byCertificate: 119, here: 124, interrupted: 130 } as const;

/** The way from elsewhere: an authority, a tenant with a policy, its unikernels, and its end. */
async function remote(demo: Demo): Promise<void> {
  const port = await freePort();
  await demo.far(["generate", "ca", "db"]);
  const files = ["cacert.pem", "server.pem", "server.key"].map((file) => join(demo.pki, file));
  const directories = [`--tmpdir=${demo.folder}/run`, `--crl-directory=${demo.pki}/crls`];
  await demo.endpoint(port, ...directories, "--ip=127.0.0.1", ...files);
  await demo.far(["add-policy", "tenant", "2", "--mem=48", "--cpu=0", "--csr"]);
  expect(await demo.far(["sign", "cacert.pem", "db", "ca.key", "tenant.req"]), "signing policy add");
  const tenant = ["--ca=tenant.pem", "--ca-key=tenant.key", "-d", `127.0.0.1:${port}`];
  const ticker = image.replace("hello", "ticker");
  expect(
    await demo.far(["create", "ticker", ticker, "--mem=32", "--arg=interval=200", ...tenant]),
    "tenant:ticker]: success",
  );
  expect(await demo.far(["console", "ticker", ...tenant], REFUSED.interrupted, "tick 1"), "tick 1");
  expect(await demo.far(["create", "large", ticker, "--mem=64", ...tenant], REFUSED.here), "exceeds policy");
  expect(await demo.far(["create", "more", ticker, "--mem=32", ...tenant], REFUSED.byHost), "command failed");
  const root = ["-d", `127.0.0.1:${port}`];
  await demo.far(["revoke", "cacert.pem", "db", "ca.key", "ca.crl", "--name=tenant", "--destroy", ...root]);
  expect(await demo.far(["info", ...tenant], REFUSED.byCertificate), "certificate revoked");
  for (let waited = 0; !(await demo.client(["info"])).includes("no unikernels"); waited += 100) {
    if (waited > PATIENCE_MS) throw new Error("The revoked tenant's unikernels are still there");
    await sleep(100);
  }
}

async function main(): Promise<void> {
  if (thisHardware.kvmError() !== undefined) {
    console.log("There is no usable /dev/kvm here: the built-in tender emulates a CPU instead, which is slower.");
    if (!ensurePackages(emulatorNeeds)) process.exit(1);
  }
  const demo = new Demo(build());
  const { folder } = demo;
  for (const [signal, status] of Object.entries(endings)) {
    process.on(signal, () => void demo.close().finally(() => process.exit(status)));
  }
  const directories = [`--tmpdir=${folder}/run`, `--dbdir=${folder}/db`];
  let left: string[] = [];
  try {
    await demo.daemon("albatross-console", "console.sock", `--tmpdir=${folder}/run`);
    await demo.daemon("albatrossd", "vmmd.sock", ...directories, "--allow-emulation");
    await demo.client(["inspect", image]);
    expect(await demo.client(["create", "hello", image, "--arg=--hello=world"]), "created unikernel");
    expect(await demo.client(["console", "hello"], "command line"), "Hello from Albatross");
    expect(
      await demo.client(["create", "ticker", image.replace("hello", "ticker"), "--mem=16", "--arg=interval=200"]),
      "created unikernel",
    );
    expect(await demo.client(["info"]), "ticker");
    expect(await demo.client(["console", "ticker"], "tick 2"), "tick 2");
    expect(await demo.client(["destroy", "ticker"]), "destroyed unikernel");
    expect(await demo.client(["info"]), "no unikernels");
    await remote(demo);
  } finally {
    left = await demo.close();
  }
  if (left.length > 0) throw new Error(`The demo left ${left.join(", ")} behind`);
  console.log("Everything is gone again.");
}

await main();
