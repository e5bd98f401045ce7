/**
 * The host that the examples run on: every daemon, an endpoint, and what the examples expect to be there.
 *
 * @module
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import {
  type Albatross,
  type Authority,
  ConnectError,
  connect,
  generateAuthority,
  generateServer,
  makeRequest,
  signRequest,
} from "../../mod.ts";
import { freePort } from "../client/tls-peer.ts";
import { Machine, until } from "../end-to-end/harness.ts";
import { destroyAll } from "./destroy-all.ts";
import { root } from "./documentation.ts";

/** How long a program may run, milliseconds. */
const PATIENCE_MS = 60_000;

/** What a program has printed, and how it ended. */
export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Settings of {@link Stage.run}. */
export interface RunOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** Done while the program runs, with a look at what it has printed; then it is interrupted. */
  readonly meanwhile?: (printed: () => string) => Promise<void>;
}

/** A host with its directory of files. */
export class Stage {
  readonly machine = new Machine();
  /** Has `hello.hvt`, `ticker.hvt`, `disk.img`, and keys and certificates. */
  readonly directory: string = mkdtempSync(join(tmpdir(), "albatross-stage-"));
  port = 0;
  #albatross: Albatross | undefined;

  get albatross(): Albatross {
    return this.#albatross ?? assert.fail("the stage was not set");
  }

  async set(): Promise<void> {
    await this.machine.start();
    await this.machine.startStats();
    await this.machine.startLog();
    this.#albatross = await connect({ tmpdir: this.machine.tmpdir });
    for (const image of ["hello.hvt", "ticker.hvt"]) {
      copyFileSync(join(root, "examples", image), join(this.directory, image));
    }
    writeFileSync(join(this.directory, "disk.img"), new Uint8Array(4096).fill(1));
    await this.#startEndpoint(await this.#certify());
    await this.reset();
  }

  /** An authority, an endpoint and a tenant. */
  async #certify(): Promise<Authority> {
    const made = await generateAuthority({ name: "ca" });
    const authority = { ca: made.certificate, caKey: made.key };
    const server = await generateServer(authority, { name: "127.0.0.1" });
    const { request, key } = await makeRequest((host) =>
      host.policies.add("user", { unikernels: 10, memoryMb: 512, cpuIds: [0], blockMb: 10 }),
    );
    const { certificate } = await signRequest(authority, request);
    const files = {
      "ca.pem": made.certificate,
      "cacert.pem": made.certificate,
      "ca.key": made.key,
      "server.pem": server.certificate,
      "server.key": server.key,
      "user.pem": certificate,
      "user.key": key,
    };
    for (const [file, text] of Object.entries(files)) writeFileSync(join(this.directory, file), text);
    mkdirSync(join(this.directory, "crls"));
    return authority;
  }

  async #startEndpoint(authority: Authority): Promise<void> {
    this.port = await freePort();
    const files = ["cacert.pem", "server.pem", "server.key"].map((file) => join(this.directory, file));
    const lists = `--crl-directory=${join(this.directory, "crls")}`;
    const words = [`--tmpdir=${this.machine.tmpdir}`, "--ip=127.0.0.1", `--port=${this.port}`, lists];
    const endpoint = this.machine.launch("albatross-tls-endpoint", [...words, ...files]);
    const remote = { host: "127.0.0.1", port: this.port, ...authority, serverCa: authority.ca };
    const far = await connect({ remote });
    await until(
      () => `the endpoint serves: ${endpoint.log}`,
      async () => {
        try {
          return (await far.info()) !== undefined;
        } catch (error) {
          assert.ok(error instanceof ConnectError, String(error));
          return false;
        }
      },
    );
  }

  /** Puts there what the examples expect, and nothing else. */
  async reset(): Promise<void> {
    const { policies, blocks } = this.albatross;
    await destroyAll(this.albatross);
    for (const { name } of await blocks.list()) await until("it is free", () => blocks.destroy(name).then(() => true));
    for (const { name } of await policies.list()) if (name.key !== "") await policies.remove(name);
    await policies.add("alice", { unikernels: 4, memoryMb: 256, cpuIds: [0], blockMb: 10 });
    await blocks.create("data", 1);
    const image = join(this.directory, "ticker.hvt");
    const options = { memoryMb: 16, addName: false, arguments: ["interval=20"] };
    await this.albatross.create("hello", { ...options, image });
    for await (const { text } of this.albatross.console("hello")) if (text.includes("tick")) break;
  }

  /** A text of the documentation, with the addresses of this host. */
  adapt(code: string): string {
    return code
      .replaceAll('"albatross"', JSON.stringify(pathToFileURL(join(root, "mod.ts")).href))
      .replaceAll("/run/albatross", this.machine.tmpdir)
      .replaceAll("port: 1025", `port: ${this.port}`);
  }

  /** Runs a program under the runtime of the tests, with the files of this host in its directory. */
  async run(file: string, words: readonly string[] = [], options: RunOptions = {}): Promise<Ran> {
    const deno = ["run", "-A", "--quiet", "--no-check", `--config=${join(root, "deno.json")}`];
    const runtime = "Deno" in globalThis ? deno : ["run"];
    const { PATH = "", HOME = "/" } = process.env;
    const child = spawn(process.execPath, [...runtime, file, ...words], {
      cwd: this.directory,
      env: { PATH, HOME, NO_COLOR: "1", ...options.environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    const ended = new Promise<number | null>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", resolve);
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
    try {
      await options.meanwhile?.(() => `${stdout}${stderr}`);
      // Not child.kill: after it Deno reports the signal, even if the process handled it and exited.
      if (options.meanwhile !== undefined && child.pid !== undefined) process.kill(child.pid, "SIGINT");
      return { status: await ended, stdout, stderr };
    } finally {
      clearTimeout(timer);
      child.kill("SIGKILL");
    }
  }

  async close(): Promise<void> {
    await this.machine.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
