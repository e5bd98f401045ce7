/**
 * Runs BHyve machines, FreeBSD's virtual machines that boot from a disk, by the programs of the system (daemon.md 17).
 *
 * @module
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ChildProcess, ExitStatus } from "../../runtime/process.ts";
import {
  BACKEND_INTERFACE_VERSION,
  type Backend,
  type BackendHost,
  BackendRefusal,
  type Launched,
  type LaunchRequest,
} from "../backend.ts";
import { findProgram } from "../find-program.ts";
import { startProcess } from "../start-process.ts";
import { checkBhyve } from "./bhyve-checks.ts";
import {
  bhyveArguments,
  bhyveloadArguments,
  bootDisk,
  deviceMap,
  grubArguments,
  machineName,
  partitionOf,
} from "./bhyve-command-line.ts";

/** How long a boot loader may take, milliseconds: it copies a kernel and asks nobody. */
export const LOADER_TIMEOUT_MS = 1_000;

/** How long a boot loader that was killed may take to end, milliseconds. */
export const LOADER_KILL_TIMEOUT_MS = 3_000;

/** How long the removal of a machine may take, milliseconds. */
export const RELEASE_TIMEOUT_MS = 5_000;

/** How often a name is chosen anew because there is a machine of that name already. */
export const NAME_ATTEMPTS = 16;

/** What the programs need of the host; a parameter for hosts that are not this one. */
export interface BhyveSystem {
  readonly platform: string;
  /** Where the kernel shows its machines. */
  readonly machines: string;
  /** Milliseconds for {@link LOADER_TIMEOUT_MS}. */
  readonly loaderTimeout: number;
  /** Milliseconds for {@link RELEASE_TIMEOUT_MS}. */
  readonly releaseTimeout: number;
  readonly random: () => number;
}

/** This host. */
export const thisSystem: BhyveSystem = {
  platform: process.platform,
  machines: "/dev/vmm",
  loaderTimeout: LOADER_TIMEOUT_MS,
  releaseTimeout: RELEASE_TIMEOUT_MS,
  random: Math.random,
};

interface Programs {
  readonly loader: string;
  readonly bhyve: string;
  readonly bhyvectl: string;
}

function requireProgram(name: string, host: BackendHost): string {
  const path = findProgram(name, host.path);
  if (path !== undefined) return path;
  const advice = name === "grub-bhyve" ? "Install it (package grub2-bhyve)" : "It is part of FreeBSD: check PATH";
  throw new BackendRefusal(`Cannot run a BHyve machine: there is no program ${name} in ${host.path}. ${advice}`);
}

/** How a process ended, or `undefined` if it has not within `timeout` milliseconds. */
async function endWithin(child: ChildProcess, timeout: number): Promise<ExitStatus | undefined> {
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), timeout);
  try {
    return await Promise.race([child.exited, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Waits for a boot loader; after `timeout` milliseconds it is ended with all that it started.
 *
 * @returns why it failed, if it did
 */
async function failureOf(loader: ChildProcess, timeout: number): Promise<string | undefined> {
  const status = await endWithin(loader, timeout);
  if (status === undefined) {
    try {
      process.kill(-loader.pid, "SIGKILL"); // it leads a process group of its own
    } catch {
      // It has ended at this very moment.
    }
    await endWithin(loader, LOADER_KILL_TIMEOUT_MS); // else the machine could not be destroyed
    return `it did not end within ${timeout / 1000} s`;
  }
  if (status.kind === "exit") return status.code === 0 ? undefined : `it ended with exit status ${status.code}`;
  return status.kind === "signal" ? `it ended by signal ${status.signal}` : "nobody knows how it ended";
}

/** One launch, or its undoing. */
class Bhyve {
  readonly #system: BhyveSystem;
  readonly #host: BackendHost;
  readonly #programs: Programs;

  constructor(system: BhyveSystem, host: BackendHost, programs: Programs) {
    this.#system = system;
    this.#host = host;
    this.#programs = programs;
  }

  /**
   * Starts a program on the console, with nothing to read: from the fifo it would read its own output. Virtual CPUs are
   * not bound to the host's, as with the original.
   */
  #spawn(program: string, words: readonly string[], request: LaunchRequest): ChildProcess {
    return startProcess([program, ...words], request, this.#host.path, { noInput: true, cpus: [] });
  }

  #freeName(taken: ReadonlySet<string>): string {
    for (let attempt = 0; attempt < NAME_ATTEMPTS; attempt++) {
      const name = machineName(this.#system.random());
      if (!taken.has(name) && !existsSync(join(this.#system.machines, name))) return name;
    }
    throw new BackendRefusal("Cannot name a BHyve machine: all names that were tried are in use. Try again");
  }

  async #load(request: LaunchRequest, machine: string): Promise<void> {
    const { loader } = this.#programs;
    const { memory } = request.arguments;
    const disk = bootDisk(request.blockDevices);
    const partition = partitionOf(request.arguments);
    const folder = partition === undefined ? undefined : mkdtempSync(join(tmpdir(), "albatross-map-"));
    try {
      let words = bhyveloadArguments(memory, disk, machine);
      if (folder !== undefined && partition !== undefined) {
        const map = join(folder, "device.map");
        writeFileSync(map, deviceMap(disk));
        words = grubArguments(memory, map, partition, machine);
      }
      const failure = await failureOf(this.#spawn(loader, words, request), this.#system.loaderTimeout);
      if (failure === undefined) return;
      throw new BackendRefusal(
        `Cannot boot from ${disk}: the boot loader ${loader} failed, ${failure}. Check the disk, and the partition for Linux (--linux-boot)`,
      );
    } finally {
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    }
  }

  /** @param taken names of machines that are being made; this one is in it meanwhile */
  async launch(request: LaunchRequest, taken: Set<string>): Promise<Launched> {
    const machine = this.#freeName(taken);
    const words = bhyveArguments(request, machine); // what cannot be passed on is found before anything is made
    taken.add(machine);
    try {
      await this.#load(request, machine);
      return { ...this.#spawn(this.#programs.bhyve, words, request), machine };
    } catch (error) {
      await release(this.#programs.bhyvectl, machine, this.#host, this.#system.releaseTimeout);
      throw error;
    } finally {
      taken.delete(machine);
    }
  }
}

/** Removes a machine. Most have gone by themselves, so a failure says nothing. */
async function release(bhyvectl: string, machine: string, host: BackendHost, timeout: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const child = spawn(bhyvectl, ["--destroy", `--vm=${machine}`], {
    cwd: "/",
    env: { PATH: host.path },
    stdio: "ignore",
    timeout,
    killSignal: "SIGKILL",
  });
  child.on("error", () => resolve());
  child.on("close", () => resolve());
  await promise;
}

/** The backend for a system. */
export function makeBhyveBackend(system: BhyveSystem): Backend {
  const taken = new Set<string>();
  return {
    interfaceVersion: BACKEND_INTERFACE_VERSION,
    name: "bhyve",
    images: "none",
    handles: (type) => type === "bhyve",
    async check({ arguments: given }, host) {
      if (system.platform !== "freebsd") {
        throw new BackendRefusal(
          `Cannot run a unikernel of type bhyve on this host: BHyve is a part of FreeBSD, and this is ${system.platform}. Use a host with FreeBSD, or a Solo5 image (--typ solo5)`,
        );
      }
      checkBhyve(given);
      const programs: Programs = {
        loader: requireProgram(given.linuxBootPartition === undefined ? "bhyveload" : "grub-bhyve", host),
        bhyve: requireProgram("bhyve", host),
        bhyvectl: requireProgram("bhyvectl", host),
      };
      const bhyve = new Bhyve(system, host, programs);
      return {
        description: `bhyve (${programs.bhyve})`,
        emulated: false,
        launch: (request) => bhyve.launch(request, taken),
      };
    },
    async release(machine, host) {
      const bhyvectl = findProgram("bhyvectl", host.path);
      if (bhyvectl !== undefined) await release(bhyvectl, machine, host, system.releaseTimeout);
    },
  };
}

/** The backend of this host. */
export const bhyveBackend = makeBhyveBackend(thisSystem);
