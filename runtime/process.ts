/**
 * Child processes that outlive this program: started with exactly the descriptors and the surroundings asked for.
 *
 * Only for Bun: Deno hands descriptors of its own to every child (runtime-facts.md 6), which breaks the contract.
 *
 * @module
 */
import { statSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { CpuAffinityError, cpuPrefix, withCpus } from "./cpu-affinity.ts";
import { closeDescriptor, duplicateDescriptor } from "./descriptor.ts";
import { withSignalsUnblocked } from "./signal-mask.ts";

/** How a process ended. `unknown`: it was not ours to wait for, or waiting failed. */
export type ExitStatus =
  | { readonly kind: "exit" /** 0–255 */; readonly code: number }
  | { readonly kind: "signal" /** Number of the signal, e.g. 9 */; readonly signal: number }
  | { readonly kind: "unknown" };

/** A process that this program started. */
export interface ChildProcess {
  readonly pid: number;
  /** Resolves when the process has ended and has been reaped; never rejects. */
  readonly exited: Promise<ExitStatus>;
}

/** The surroundings of a child process. */
export interface SpawnOptions {
  /** The descriptor that becomes 0, 1 and 2 of the child, which gets no others. It stays open here. */
  readonly stdio: number;
  /** Give the child an empty standard input instead: what reads it would take the output of others, e.g. of a fifo. */
  readonly noInput?: boolean;
  /** The complete environment: nothing is inherited. */
  readonly environment: Readonly<Record<string, string>>;
  /** Ids of the CPUs that the process is confined to; empty: those of this program. */
  readonly cpus: readonly number[];
  /** Working directory, `/` if absent. */
  readonly directory?: string;
  /**
   * −1000 (never killed) to 1000 (killed first) when memory runs out. If absent it is inherited, so a daemon that
   * protects itself wants to give 0 here.
   */
  readonly oomScoreAdjust?: number;
}

/** A process could not be started. `code` is the system's name of the error, e.g. `ENOENT`. */
export class SpawnError extends Error {
  override readonly name = "SpawnError";
  readonly code: string;

  constructor(message: string, code: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

const advice: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file, or its interpreter is missing. Install the program",
  EACCES: "it may not be executed. Check its mode, and the mount options of its file system",
  ENOEXEC: "it is not an executable for this machine. Install the program for this architecture",
  E2BIG: "its arguments and environment are too long. Shorten the arguments",
  EAGAIN: "the limit of processes is reached. Raise the limit, or stop other processes",
  ENOMEM: "there is not enough memory. Stop other processes",
  EMFILE: "this program has too many open files. Raise its limit of open files",
  ENFILE: "the system has too many open files. Raise its limit of open files",
  EBADF: "the descriptor for its output is not open. This is a defect of this program: report it",
};

function codeOf(error: unknown): string {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : "UNKNOWN";
}

/** Bun names the classic signals and numbers the real-time ones. */
function exitStatus(code: number | null, signal: NodeJS.Signals | number | null): ExitStatus {
  if (code !== null && signal === null) return { kind: "exit", code };
  const number = typeof signal === "string" ? constants.signals[signal] : signal;
  return number === null ? { kind: "unknown" } : { kind: "signal", signal: number };
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function checkArguments(argv: readonly string[], options: SpawnOptions): string {
  const program = argv[0];
  if (program === undefined || !program.startsWith("/")) {
    throw new SpawnError(
      `Cannot start ${program ?? "a process"}: the program must be an absolute path. Give its full path`,
      "EINVAL",
    );
  }
  const texts = [...argv, ...Object.entries(options.environment).flat(), options.directory ?? "/"];
  if (texts.some((text) => text.includes("\0"))) {
    throw new SpawnError(
      `Cannot start ${program}: an argument contains a zero byte, which no process can be given. Remove it`,
      "EINVAL",
    );
  }
  if (Object.keys(options.environment).some((key) => key === "" || key.includes("="))) {
    throw new SpawnError(
      `Cannot start ${program}: the name of an environment variable is empty or contains "=". Rename it`,
      "EINVAL",
    );
  }
  const { oomScoreAdjust } = options;
  if (
    oomScoreAdjust !== undefined &&
    !(Number.isInteger(oomScoreAdjust) && oomScoreAdjust >= -1000 && oomScoreAdjust <= 1000)
  ) {
    throw new SpawnError(
      `Cannot start ${program}: the adjustment ${oomScoreAdjust} is not in -1000 to 1000. Use one in this range`,
      "EINVAL",
    );
  }
  return program;
}

function adjustOomScore(
  child: { readonly pid: number; kill(signal: number): void },
  program: string,
  adjustment: number,
): void {
  try {
    writeFileSync(`/proc/${child.pid}/oom_score_adj`, String(adjustment));
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT" || code === "ESRCH") return; // it has ended already: nothing is left to adjust
    child.kill(constants.signals.SIGKILL);
    throw new SpawnError(
      `Cannot start ${program}: its out-of-memory score cannot be set (${code}). Grant CAP_SYS_RESOURCE`,
      code,
      error,
    );
  }
}

/** Bun does not take one of 0, 1 and 2 as another one of them. */
function withDescriptorAbove2<T>(descriptor: number, action: (descriptor: number) => T): T {
  if (descriptor > 2) return action(descriptor);
  const duplicate = duplicateDescriptor(descriptor);
  try {
    return action(duplicate);
  } finally {
    closeDescriptor(duplicate);
  }
}

function explain(error: unknown, program: string, directory: string): SpawnError {
  if (error instanceof CpuAffinityError) {
    return new SpawnError(`Cannot start ${program}: ${error.message}`, "EINVAL", error);
  }
  const code = codeOf(error);
  const reason = isDirectory(directory)
    ? (advice[code] ?? `the system says ${code}`)
    : `its working directory ${directory} does not exist. Create it`;
  return new SpawnError(`Cannot start ${program}: ${reason}`, code, error);
}

/**
 * Starts a process in a session of its own. All its signals are at their defaults and unblocked, even those that this
 * program ignores. This program neither waits for it when it ends nor ends it; while it runs, it reaps it. The child does
 * not keep the event loop alive, so something else has to while its end is awaited.
 *
 * `argv[0]` is the absolute path of the program. The umask is inherited.
 *
 * @throws {SpawnError} if it could not be started; then no process exists
 */
export function spawnProcess(argv: readonly string[], options: SpawnOptions): ChildProcess {
  const program = checkArguments(argv, options);
  if (typeof Bun === "undefined") {
    throw new SpawnError(
      `Cannot start ${program}: this runtime leaks descriptors into its children. Run this program by Bun`,
      "ENOSYS",
    );
  }
  const directory = options.directory ?? "/";
  const { promise, resolve } = Promise.withResolvers<ExitStatus>();
  const spawn = (stdio: number) =>
    Bun.spawn({
      cmd: [...cpuPrefix(options.cpus), ...argv],
      cwd: directory,
      env: { ...options.environment },
      stdio: [options.noInput === true ? "ignore" : stdio, stdio, stdio],
      detached: true,
      onExit(_child, code, signal, error) {
        resolve(error === undefined ? exitStatus(code, signal) : { kind: "unknown" });
      },
    });
  let child: ReturnType<typeof spawn>;
  try {
    // Bun resets ignored signals in the child, but lets it inherit the blocked ones.
    const start = () => withSignalsUnblocked(() => withDescriptorAbove2(options.stdio, spawn));
    child = options.cpus.length === 0 ? start() : withCpus(options.cpus, start);
  } catch (error) {
    throw explain(error, program, directory);
  }
  child.unref();
  if (options.oomScoreAdjust !== undefined) adjustOomScore(child, program, options.oomScoreAdjust);
  return { pid: child.pid, exited: promise };
}
