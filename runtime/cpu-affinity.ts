/**
 * Which CPUs a process may run on.
 *
 * On Linux the calling thread is confined, and what it starts inherits that. On FreeBSD cpuset(1) confines itself and
 * becomes the program, as with the original: what a new process inherits there depends on how the runtime starts it.
 *
 * @module
 */
import { errno, libcNames, openLibrary } from "./ffi.ts";

/** The largest number of CPUs that is supported: ids are below it. Linux is built for at most 8192. */
export const CPU_LIMIT = 8192;

/** A set of CPUs cannot be used. `code` is the number of the system error, 0 if the system was not asked. */
export class CpuAffinityError extends Error {
  override readonly name = "CpuAffinityError";
  readonly code: number;

  constructor(message: string, code: number) {
    super(message);
    this.code = code;
  }
}

/** FreeBSD's program that confines another one. */
const CPUSET = "/usr/bin/cpuset";

/** What has to go before a command line to confine it to `cpus`; nothing where {@link withCpus} does it. */
export function cpuPrefix(cpus: readonly number[], platform: NodeJS.Platform = process.platform): readonly string[] {
  return platform === "freebsd" && cpus.length > 0 ? [CPUSET, "-l", cpus.join(",")] : [];
}

interface AffinityFunctions {
  sched_getaffinity(thread: number, bytes: number, mask: Uint8Array): number;
  sched_setaffinity(thread: number, bytes: number, mask: Uint8Array): number;
}

let functions: AffinityFunctions | undefined;

function affinityFunctions(): AffinityFunctions {
  if (process.platform !== "linux") {
    throw new CpuAffinityError(
      `Cannot choose CPUs: only Linux and FreeBSD are supported, this is ${process.platform}. Use a configuration without CPU ids`,
      0,
    );
  }
  functions ??= openLibrary(libcNames, {
    sched_getaffinity: { args: ["i32", "u64", "buffer"], returns: "i32" },
    sched_setaffinity: { args: ["i32", "u64", "buffer"], returns: "i32" },
  });
  return functions;
}

function maskOf(cpus: readonly number[]): Uint8Array {
  const mask = new Uint8Array(CPU_LIMIT / 8);
  for (const cpu of cpus) {
    if (!Number.isInteger(cpu) || cpu < 0 || cpu >= CPU_LIMIT) {
      throw new CpuAffinityError(`Cannot use CPU ${cpu}: ids are 0 to ${CPU_LIMIT - 1}. Use an id of this host`, 0);
    }
    // The kernel's bit mask is little-endian on every platform that Bun and Deno support.
    mask[cpu >> 3] = (mask[cpu >> 3] ?? 0) | (1 << (cpu & 7));
  }
  return mask;
}

/**
 * Runs `action` on the calling thread while only `cpus` are allowed to it, and restores the former set in any case.
 * A process that `action` starts from this thread is confined from its first instruction on. Ids beyond the host's are
 * ignored by the system as long as one id exists.
 *
 * @throws {CpuAffinityError} if none of `cpus` can be used; `action` did not run then
 */
export function withCpus<T>(cpus: readonly number[], action: () => T): T {
  if (process.platform === "freebsd") return action(); // the command line has a prefix instead
  const mask = maskOf(cpus);
  const { sched_getaffinity, sched_setaffinity } = affinityFunctions();
  const former = new Uint8Array(CPU_LIMIT / 8);
  if (sched_getaffinity(0, former.length, former) < 0) {
    const code = errno();
    throw new CpuAffinityError(`Cannot read the CPUs of this thread: system error ${code}. Check the sandbox`, code);
  }
  if (sched_setaffinity(0, mask.length, mask) !== 0) {
    const code = errno();
    throw new CpuAffinityError(
      `Cannot use only the CPUs ${cpus.join(", ")}: system error ${code}, this host or this program's cpuset lacks them. Use other ids`,
      code,
    );
  }
  try {
    return action();
  } finally {
    sched_setaffinity(0, former.length, former);
  }
}
