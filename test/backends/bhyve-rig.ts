/**
 * A host with BHyve's programs, which only write down how they were called, and do what a test wants.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { chmodSync, closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Backend, BackendHost, Launched, LaunchRequest } from "../../backends/backend.ts";
import { type BhyveSystem, makeBhyveBackend } from "../../backends/bhyve/bhyve-backend.ts";
import { PATIENCE_MS, plainArguments } from "../../conformance/rig.ts";
import { fromText } from "../../core/byte-string.ts";
import { Name, parseLabel } from "../../core/name.ts";
import type { MacAddress, UnikernelArguments } from "../../core/unikernel.ts";

/** The programs. */
export type Program = "bhyveload" | "grub-bhyve" | "bhyve" | "bhyvectl";

/** A call of a program: its words, its environment. */
export interface Call {
  readonly program: string;
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

const mac = "00:80:41:01:02:03" as MacAddress;

/** A machine with these devices: names and what they are on the host. */
export function machine(
  blocks: readonly (readonly [name: string, device: string | undefined])[] = [["0", "/dev/zvol/tank/vm"]],
  networks: readonly (readonly [name: string, bridge: string])[] = [],
  changes: Partial<UnikernelArguments> = {},
): UnikernelArguments {
  return {
    ...plainArguments([]),
    memory: 512,
    arguments: undefined,
    cpuIds: [0],
    blockDevices: blocks.map(([name, device]) => ({
      name: fromText(name),
      device: device === undefined ? undefined : fromText(device),
      sectorSize: undefined,
    })),
    networks: networks.map(([name, bridge]) => ({ name: fromText(name), bridge: fromText(bridge), mac })),
    ...changes,
  };
}

/** The host. */
export class BhyveRig {
  readonly directory = mkdtempSync(join(tmpdir(), "bhyve-"));
  readonly programs = join(this.directory, "bin");
  readonly machines = join(this.directory, "vmm");
  readonly #console: number;
  readonly consoleFile = join(this.directory, "console");

  constructor() {
    mkdirSync(this.programs);
    mkdirSync(this.machines);
    for (const program of ["bhyveload", "grub-bhyve", "bhyve", "bhyvectl"] as const) this.install(program);
    this.#console = openSync(this.consoleFile, "a+");
  }

  /** What the kernel and the clock of the host do; chance gives `alba-4711` unless it is told otherwise. */
  backend(changes: Partial<BhyveSystem> = {}): Backend {
    return makeBhyveBackend({
      platform: "freebsd",
      machines: this.machines,
      loaderTimeout: PATIENCE_MS, // this computer may be busy
      releaseTimeout: PATIENCE_MS,
      random: () => 0.04711,
      ...changes,
    });
  }

  get host(): BackendHost {
    return {
      databaseDirectory: this.directory,
      path: this.programs,
      tender: undefined,
      allowEmulation: false,
      self: [],
    };
  }

  /** Makes a program that notes its call and then does what the shell is told to in `body`. */
  install(program: Program, body = ""): void {
    const file = join(this.programs, program);
    // The line is one write, so it is there whole even if the program is ended at once.
    const note = `/bin/cat /proc/$$/environ > '${this.directory}'/$$.env\nprintf '%s\\0' $$ "\${0##*/}" "$@" '\n' >> '${this.directory}/calls'`;
    writeFileSync(file, `#!/bin/sh\n${note}\n${body}\n`);
    chmodSync(file, 0o755);
  }

  remove(program: Program): void {
    rmSync(join(this.programs, program));
  }

  /** All calls so far. */
  calls(): readonly Call[] {
    let text: string;
    try {
      text = readFileSync(join(this.directory, "calls"), "utf8");
    } catch {
      return [];
    }
    return text
      .split("\n\0")
      .slice(0, -1)
      .map((line) => {
        const [pid = "", program = "", ...words] = line.split("\0").slice(0, -1);
        const variables = readFileSync(join(this.directory, `${pid}.env`), "utf8")
          .split("\0")
          .slice(0, -1);
        const environment = Object.fromEntries(
          variables.map((line): [string, string] => {
            const equals = line.indexOf("=");
            return [line.slice(0, equals), line.slice(equals + 1)];
          }),
        );
        return { program, words, environment };
      });
  }

  /** The calls as command lines. */
  commandLines(): readonly string[] {
    return this.calls().map(({ program, words }) => [program, ...words].join(" "));
  }

  consoleText(): string {
    return readFileSync(this.consoleFile, "utf8");
  }

  /** What albatrossd would give the launcher of a machine. */
  request(given: UnikernelArguments): LaunchRequest {
    return {
      name: new Name([], parseLabel("vm")),
      imageFile: "",
      arguments: given,
      nameArgument: "vm",
      networks: given.networks.map(({ name }, at) => ({ name, tap: `tap${at + 7}`, mac })),
      blockDevices: given.blockDevices.map(({ name, device, sectorSize }) => ({
        name,
        file: device ?? `/none/${name}`,
        sectorSize: sectorSize === undefined ? undefined : Number(sectorSize),
      })),
      environment: { MARK: "it" },
      console: this.#console,
    };
  }

  /** Checks and launches a machine as albatrossd does. */
  async launch(given: UnikernelArguments, backend: Backend = this.backend()): Promise<Launched> {
    const launcher = await backend.check({ arguments: given, image: undefined }, this.host);
    return await launcher.launch(this.request(given));
  }

  close(): void {
    closeSync(this.#console);
    rmSync(this.directory, { recursive: true });
  }
}

/** Whether a process that matches `pattern` runs, by its command line. */
export function runs(pattern: string): boolean {
  try {
    execFileSync("pgrep", ["-f", "--", pattern], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
