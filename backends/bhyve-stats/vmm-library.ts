/**
 * FreeBSD's library for virtual machines, libvmmapi: the part that reads counters (stats.md 8).
 *
 * FreeBSD 14 made virtual CPUs objects of their own; before, they were numbers. A library that has `vm_vcpu_open` is of the
 * newer kind. The array that `vm_get_stats` gives belongs to the library, and is not freed.
 *
 * @module
 */
import { fromBytes } from "../../core/byte-string.ts";
import type { HypervisorCounter } from "../../core/statistics.ts";
import { cString, errno, LibraryError, libcNames, memoryAt, openLibrary } from "../../runtime/ffi.ts";
import { SystemError } from "../../runtime/system-error.ts";

/** Names of the library, by FreeBSD's releases. */
export const vmmNames: readonly string[] = ["libvmmapi.so.7", "libvmmapi.so.6", "libvmmapi.so.5", "libvmmapi.so"];

/** The most counters of a machine that are taken. */
export const COUNTERS_MAX = 512;

/** `vm_get_stat_desc` gives a text in an array of this size, bytes. */
const DESCRIPTION_SIZE = 128;

/** An opened machine. */
export interface Machine {
  /**
   * All counters of its first virtual CPU, the last one first, as the original gives them.
   *
   * @throws {SystemError} with the kernel's refusal
   */
  counters(): readonly HypervisorCounter[];
  close(): void;
}

/** The library. */
export interface VmmLibrary {
  /** @throws {SystemError} with the kernel's refusal */
  open(name: string): Machine;
}

const common = {
  vm_open: { args: ["buffer"], returns: "pointer" },
  vm_get_stat_desc: { args: ["pointer", "i32"], returns: "pointer" },
  vm_get_device_fd: { args: ["pointer"], returns: "i32" },
} as const;

/** What the two kinds of the library have in common. */
interface Adapter {
  readonly functions: {
    vm_open(name: Uint8Array): number;
    vm_get_stat_desc(context: number, index: number): number;
  };
  /** Opens the first virtual CPU; 0 if that fails. */
  openCpu(context: number): number;
  stats(context: number, cpu: number, count: Int32Array): number;
  closeCpu(cpu: number): void;
  close(context: number): void;
}

function newerAdapter(names: readonly string[], closeContext: (context: number) => void): Adapter {
  const functions = openLibrary(names, {
    ...common,
    vm_vcpu_open: { args: ["pointer", "i32"], returns: "pointer" },
    vm_vcpu_close: { args: ["pointer"], returns: "void" },
    vm_get_stats: { args: ["pointer", "pointer", "buffer"], returns: "pointer" },
  });
  return {
    functions,
    openCpu: (context) => functions.vm_vcpu_open(context, 0),
    stats: (_context, cpu, count) => functions.vm_get_stats(cpu, 0, count),
    closeCpu: (cpu) => functions.vm_vcpu_close(cpu),
    close: closeContext,
  };
}

function olderAdapter(names: readonly string[], closeContext: (context: number) => void): Adapter {
  const functions = openLibrary(names, {
    ...common,
    vm_get_stats: { args: ["pointer", "i32", "pointer", "buffer"], returns: "pointer" },
  });
  return {
    functions,
    openCpu: (context) => context, // its CPUs are numbers
    stats: (context, _cpu, count) => functions.vm_get_stats(context, 0, 0, count),
    closeCpu: () => undefined,
    close: closeContext,
  };
}

/** `vm_close` where there is one (since FreeBSD 13), else what it does. */
function contextCloser(names: readonly string[], libc: readonly string[]): (context: number) => void {
  try {
    return openLibrary(names, { vm_close: { args: ["pointer"], returns: "void" } }).vm_close;
  } catch (error) {
    if (!(error instanceof LibraryError)) throw error;
    const { vm_get_device_fd } = openLibrary(names, common);
    const { close, free } = openLibrary(libc, {
      close: { args: ["i32"], returns: "i32" },
      free: { args: ["pointer"], returns: "void" },
    });
    return (context) => {
      close(vm_get_device_fd(context));
      free(context);
    };
  }
}

function isNewer(names: readonly string[]): boolean {
  try {
    openLibrary(names, { vm_vcpu_open: { args: ["pointer", "i32"], returns: "pointer" } });
    return true;
  } catch (error) {
    if (error instanceof LibraryError) return false;
    throw error;
  }
}

/**
 * Opens the library, of whichever kind.
 *
 * @param names of the library
 * @param libc names of the C library
 * @throws {LibraryError} if there is none
 */
export function openVmmLibrary(names: readonly string[] = vmmNames, libc: readonly string[] = libcNames): VmmLibrary {
  const closeContext = contextCloser(names, libc);
  const adapter = isNewer(names) ? newerAdapter(names, closeContext) : olderAdapter(names, closeContext);
  return {
    open(name) {
      const attempt = `Cannot open the virtual machine ${name}`;
      const context = adapter.functions.vm_open(cString(name));
      if (context === 0) throw new SystemError(attempt, errno());
      const cpu = adapter.openCpu(context);
      if (cpu === 0) {
        const code = errno();
        adapter.close(context);
        throw new SystemError(attempt, code);
      }
      return new OpenMachine(adapter, name, context, cpu);
    },
  };
}

class OpenMachine implements Machine {
  readonly #adapter: Adapter;
  readonly #name: string;
  readonly #cpu: number;
  #context: number;
  /** What the counters are called never changes while a machine runs. */
  #keys: HypervisorCounter["key"][] = [];

  constructor(adapter: Adapter, name: string, context: number, cpu: number) {
    this.#adapter = adapter;
    this.#name = name;
    this.#context = context;
    this.#cpu = cpu;
  }

  counters(): readonly HypervisorCounter[] {
    const given = new Int32Array(1);
    const pointer = this.#adapter.stats(this.#context, this.#cpu, given);
    if (pointer === 0) throw new SystemError(`Cannot read the counters of ${this.#name}`, errno());
    const count = Math.min(COUNTERS_MAX, Math.max(0, given[0] ?? 0));
    // Copied before the library is called again: the array is its own.
    if (count === 0) return [];
    const values = new BigUint64Array(memoryAt(pointer, 8 * count).slice().buffer);
    if (this.#keys.length !== count) this.#keys = Array.from(values, (_, at) => this.#key(at));
    return this.#keys.map((key, at) => ({ key, value: values[at] ?? 0n })).reverse();
  }

  #key(index: number): HypervisorCounter["key"] {
    const pointer = this.#adapter.functions.vm_get_stat_desc(this.#context, index);
    if (pointer === 0) throw new SystemError(`Cannot read the name of counter ${index} of ${this.#name}`, errno());
    const bytes = memoryAt(pointer, DESCRIPTION_SIZE);
    const end = bytes.indexOf(0);
    return fromBytes(bytes.slice(0, end < 0 ? DESCRIPTION_SIZE : end));
  }

  close(): void {
    if (this.#context === 0) return;
    this.#adapter.closeCpu(this.#cpu);
    this.#adapter.close(this.#context);
    this.#context = 0;
  }
}
