/**
 * Statistics of processes and their taps on FreeBSD (stats.md 6 and 7).
 *
 * @module
 */
import { type ByteString, toBytes } from "../../core/byte-string.ts";
import type { InterfaceData } from "../../core/statistics.ts";
import { LibraryError, libcNames, openLibrary } from "../../runtime/ffi.ts";
import { KinfoError, readKinfoProc, startSinceBoot } from "../../runtime/kinfo-proc.ts";
import { Sysctl } from "../../runtime/sysctl.ts";
import { SystemError } from "../../runtime/system-error.ts";
import {
  COLLECTOR_INTERFACE_VERSION,
  type Collector,
  CollectorError,
  type CollectorSource,
  type CollectorTarget,
  type Sample,
} from "../collector.ts";
import { interfaceDataOf } from "./interface-statistics.ts";
import { memoryOf, resourceUsageOf } from "./process-statistics.ts";

const EPERM = 1;

const advice =
  "Let albatross-stats see the processes of other users: sysctl security.bsd.see_other_uids=1 security.bsd.see_other_gids=1";

/** What the collectors of a source share. */
interface Shared {
  readonly sysctl: Sysctl;
  /** Whether this user sees all processes. */
  readonly root: boolean;
  indexOf(tap: ByteString): number;
  /** Whether the advice has been given. */
  advised: boolean;
}

/** Whether the kernel hides processes of other users, so that one that is not there may only not be seen. */
function hidesOthers({ sysctl, root }: Shared): boolean {
  if (root) return false;
  return ["security.bsd.see_other_uids", "security.bsd.see_other_gids"].some((name) => {
    try {
      return sysctl.readNamed("Cannot ask for a setting", name, 4).every((byte) => byte === 0);
    } catch (error) {
      if (error instanceof SystemError) return false; // a kernel without it
      throw error;
    }
  });
}

class FreebsdCollector implements Collector {
  readonly #shared: Shared;
  readonly #pid: number;
  readonly #interfaces: readonly { readonly device: ByteString; readonly tap: ByteString; readonly index: number }[];
  /** When the process started: by it another one with the same id is told apart. */
  #start: number | undefined;

  constructor({ pid, interfaces }: CollectorTarget, shared: Shared) {
    this.#shared = shared;
    this.#pid = pid;
    this.#interfaces = interfaces.flatMap(({ device, tap }) => {
      const index = shared.indexOf(tap);
      return index === 0 ? [] : [{ device, tap, index }];
    });
    try {
      const found = readKinfoProc(shared.sysctl, pid);
      if (found !== undefined) this.#start = startSinceBoot(shared.sysctl, found);
      else if (!hidesOthers(shared)) this.#start = -1; // no process that comes later can be the one that is meant
    } catch (error) {
      if (!(error instanceof SystemError || error instanceof KinfoError)) throw error; // each sample will say so
    }
  }

  sample(): Sample {
    const process = this.#process();
    const start = startSinceBoot(this.#shared.sysctl, process);
    this.#start ??= start;
    if (start !== this.#start) {
      throw new CollectorError(`Process ${this.#pid} has ended, and another one has its number`, "gone");
    }
    return {
      resourceUsage: resourceUsageOf(process),
      memory: memoryOf(process),
      interfaces: this.#interfaces.flatMap(({ index, tap, device }): InterfaceData[] => {
        try {
          return [interfaceDataOf(this.#shared.sysctl, index, tap, device)].filter((data) => data !== undefined);
        } catch (error) {
          if (error instanceof SystemError) return []; // it is left out while it is gone
          throw error;
        }
      }),
    };
  }

  close(): void {
    // Nothing is held.
  }

  #process(): DataView {
    const { sysctl } = this.#shared;
    try {
      const process = readKinfoProc(sysctl, this.#pid);
      if (process !== undefined) return process;
    } catch (error) {
      if (error instanceof KinfoError) throw new CollectorError(error.message, "failed", error);
      if (!(error instanceof SystemError)) throw error;
      if (error.errno !== EPERM) throw new CollectorError(error.message, "failed", error);
      throw this.#refused(error.message, error);
    }
    const text = `Cannot measure process ${this.#pid}: there is none`;
    if (hidesOthers(this.#shared)) throw this.#refused(`${text}, or it is hidden from this user`);
    throw new CollectorError(text, "gone");
  }

  #refused(text: string, cause?: unknown): CollectorError {
    const first = !this.#shared.advised;
    this.#shared.advised = true;
    return new CollectorError(first ? `${text}. ${advice}` : text, "refused", cause);
  }
}

/**
 * Measures processes and their taps on FreeBSD.
 *
 * @param names of the C library
 * @param root whether this user sees all processes
 */
export function freebsdSource(
  names: readonly string[] = libcNames,
  root: boolean = process.getuid?.() === 0,
): CollectorSource {
  let shared: Shared | undefined;
  return {
    interfaceVersion: COLLECTOR_INTERFACE_VERSION,
    name: "freebsd",
    open(target) {
      try {
        shared ??= share(names, root);
        return new FreebsdCollector(target, shared);
      } catch (error) {
        if (!(error instanceof LibraryError)) throw error;
        throw new CollectorError(`Cannot measure processes by sysctl: ${error.message}`, "unavailable", error);
      }
    },
  };
}

function share(names: readonly string[], root: boolean): Shared {
  const { if_nametoindex } = openLibrary(names, { if_nametoindex: { args: ["buffer"], returns: "u32" } });
  return {
    sysctl: new Sysctl(names),
    root,
    indexOf: (tap) => if_nametoindex(Uint8Array.of(...toBytes(tap), 0)),
    advised: false,
  };
}
