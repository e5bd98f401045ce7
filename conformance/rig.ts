/**
 * What a test needs around a launched unikernel: a console fifo, a request to fill in, and an end in any case.
 *
 * @module
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Backend, BackendHost, Launcher, LaunchRequest } from "../backends/backend.ts";
import { inspectImage } from "../backends/image.ts";
import { withImageFile } from "../backends/image-file.ts";
import { fromText } from "../core/byte-string.ts";
import { Name, parseLabel } from "../core/name.ts";
import type { UnikernelArguments } from "../core/unikernel.ts";
import type { UnikernelType } from "../core/unikernel-type.ts";
import type { ChildProcess, ExitStatus } from "../runtime/process.ts";

/** Longest wait for anything a unikernel does, milliseconds. */
export const PATIENCE_MS = 20_000;

/** Arguments of a unikernel without anything special. */
export function plainArguments(words: readonly string[]): UnikernelArguments {
  return {
    failBehaviour: { kind: "quit" },
    startup: undefined,
    addName: true,
    cpuIds: [],
    memory: 32,
    blockDevices: [],
    networks: [],
    arguments: words.map(fromText),
    cpus: 1,
    linuxBootPartition: undefined,
  };
}

/** What differs from a unikernel without anything special. */
export interface Wishes {
  readonly cpuIds?: readonly number[];
  readonly networks?: LaunchRequest["networks"];
  readonly blockDevices?: LaunchRequest["blockDevices"];
  readonly environment?: Readonly<Record<string, string>>;
  /** MiB, 32 unless given. */
  readonly memory?: number;
}

/** A launched unikernel. */
export interface Launched {
  readonly launcher: Launcher;
  readonly request: LaunchRequest;
  readonly child: ChildProcess;
  /** Waits until its console has shown `text`; gives all of the console so far. */
  output(text: string): Promise<string>;
  /** Waits for its end; gives how it ended and all bytes of its console. */
  end(): Promise<{ readonly status: ExitStatus; readonly bytes: Buffer; readonly text: string }>;
  /** Closes the reader's side of its console. */
  closeConsole(): void;
}

/** Launches unikernels and, at the end, ends and removes everything. */
export class LauncherRig {
  readonly directory = mkdtempSync(join(tmpdir(), "launcher-"));
  readonly backend: Backend;
  readonly host: BackendHost;
  readonly #type: UnikernelType;
  readonly #running = new Set<Launched>();
  #count = 0;

  constructor(backend: Backend, host: BackendHost, type: UnikernelType = "solo5") {
    this.backend = backend;
    this.host = host;
    this.#type = type;
  }

  /** Unikernels that were started. */
  get running(): number {
    return this.#running.size;
  }

  /** Checks and starts a unikernel as albatrossd does. */
  async launch(imageFile: string, words: readonly string[] = [], wishes: Wishes = {}): Promise<Launched> {
    const { networks = [], blockDevices = [], cpuIds = [], environment = {}, memory = 32 } = wishes;
    const image = this.#type === "solo5" ? withImageFile(imageFile, inspectImage) : undefined;
    const given: UnikernelArguments = {
      ...plainArguments(words),
      memory,
      cpuIds,
      networks: networks.map(({ name, mac }) => ({ name, bridge: undefined, mac })),
      blockDevices: blockDevices.map(({ name, sectorSize }) => ({ name, device: undefined, sectorSize })),
    };
    const launcher = await this.backend.check(
      { arguments: given, image, imageFile: imageFile === "" ? undefined : imageFile },
      this.host,
    );
    const fifo = join(this.directory, `fifo${this.#count++}`);
    execFileSync("mkfifo", [fifo]);
    const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    const console = openSync(fifo, constants.O_WRONLY | constants.O_APPEND);
    const request: LaunchRequest = {
      name: new Name([], parseLabel("hello")),
      imageFile,
      arguments: given,
      nameArgument: undefined,
      networks,
      blockDevices,
      environment,
      console,
    };
    try {
      const launched = new Running(launcher, request, await launcher.launch(request), reader);
      this.#running.add(launched);
      return launched;
    } catch (error) {
      closeSync(reader);
      throw error;
    } finally {
      closeSync(console);
    }
  }

  /** Ends what still runs. */
  async endAll(): Promise<void> {
    for (const launched of this.#running) {
      signal(launched.child.pid, "SIGKILL");
      await launched.child.exited;
      launched.closeConsole();
    }
    this.#running.clear();
  }

  /** Ends what still runs and removes all files. */
  async close(): Promise<void> {
    await this.endAll();
    rmSync(this.directory, { recursive: true });
  }
}

class Running implements Launched {
  readonly launcher: Launcher;
  readonly request: LaunchRequest;
  readonly child: ChildProcess;
  #reader: number | undefined;
  #bytes = Buffer.alloc(0);

  constructor(launcher: Launcher, request: LaunchRequest, child: ChildProcess, reader: number) {
    this.launcher = launcher;
    this.request = request;
    this.child = child;
    this.#reader = reader;
  }

  async output(text: string): Promise<string> {
    await until(`the console shows ${JSON.stringify(text)}`, () => {
      this.#read();
      return this.#bytes.includes(text);
    });
    return this.#bytes.toString();
  }

  async end(): Promise<{ status: ExitStatus; bytes: Buffer; text: string }> {
    let status: ExitStatus | undefined;
    void this.child.exited.then((value) => {
      status = value;
    });
    await until("the unikernel ends", () => {
      this.#read(); // or it would block in a full fifo
      return status !== undefined;
    });
    this.#read();
    return { status: status ?? assert.fail(), bytes: this.#bytes, text: this.#bytes.toString() };
  }

  closeConsole(): void {
    if (this.#reader !== undefined) closeSync(this.#reader);
    this.#reader = undefined;
  }

  #read(): void {
    if (this.#reader === undefined) return;
    const chunk = Buffer.alloc(65_536);
    for (;;) {
      try {
        const count = readSync(this.#reader, chunk);
        if (count === 0) return;
        this.#bytes = Buffer.concat([this.#bytes, chunk.subarray(0, count)]);
      } catch (error) {
        if (error instanceof Error && "code" in error && error.code === "EAGAIN") return;
        throw error;
      }
    }
  }
}

/** Waits for a condition, failing with what was waited for. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!condition()) {
    if (Date.now() > end) assert.fail(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Sends a signal to a process that may have ended already. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

/** The strings of `cmdline` or `environ` of a process. */
export function stringsOf(pid: number, file: "cmdline" | "environ"): string[] {
  const text = readFileSync(`/proc/${pid}/${file}`, "utf8");
  return text === "" ? [] : text.replace(/\0$/, "").split("\0");
}

/** A field of the status of every thread of a process. */
export function statusOf(pid: number, field: string): string[] {
  return readdirSync(`/proc/${pid}/task`).map((thread) => {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, "utf8");
    return new RegExp(`^${field}:\\s+(.*)$`, "m").exec(status)?.[1] ?? assert.fail(`there is no ${field}`);
  });
}

/** What the descriptors of a process refer to. */
export function descriptorsOf(pid: number): Map<number, string> {
  const found = new Map<number, string>();
  for (const entry of readdirSync(`/proc/${pid}/fd`)) {
    try {
      found.set(Number(entry), readlinkSync(`/proc/${pid}/fd/${entry}`));
    } catch (error) {
      // Closed meanwhile, such as the one of listing our own.
      if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    }
  }
  return found;
}
