/**
 * Counters of FreeBSD's hypervisor: of BHyve machines, and of the machines that Solo5's tender makes (stats.md 8).
 *
 * @module
 */
import { toDisplay } from "../../core/byte-string.ts";
import { LibraryError } from "../../runtime/ffi.ts";
import { SystemError } from "../../runtime/system-error.ts";
import {
  COLLECTOR_INTERFACE_VERSION,
  type Collector,
  CollectorError,
  type CollectorSource,
  type Sample,
} from "../collector.ts";
import { type Machine, openVmmLibrary, type VmmLibrary } from "./vmm-library.ts";

/** How often it is tried to open a machine: one that has just been started may not be there yet. */
export const OPEN_ATTEMPTS = 4;

const [EPERM, EACCES] = [1, 13];

const advice =
  "Let the group of albatross-stats use virtual machines: add path 'vmm/*' mode 0660 group albatross to a rule set in /etc/devfs.rules";

/** Names that the kernel gives machines. Others are no machines: the library would open any path. */
const MACHINE_NAME = /^(?!\.{1,2}$)[A-Za-z0-9_.-]{1,127}$/;

/** What the collectors of a source share. */
interface Shared {
  readonly library: VmmLibrary;
  /** Whether the advice has been given. */
  advised: boolean;
}

class BhyveCollector implements Collector {
  readonly #shared: Shared;
  readonly #name: string;
  #machine: Machine | undefined;
  #attemptsLeft = OPEN_ATTEMPTS;

  constructor(name: string, shared: Shared) {
    this.#name = name;
    this.#shared = shared;
    if (!MACHINE_NAME.test(name)) this.#attemptsLeft = 0; // it runs in none, or not in one of this kernel
  }

  sample(): Sample {
    if (this.#machine === undefined && this.#attemptsLeft === 0) return {};
    try {
      this.#machine ??= this.#shared.library.open(this.#name);
      return { hypervisor: this.#machine.counters() };
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      const reason = error.errno === EACCES || error.errno === EPERM ? "refused" : "failed";
      throw new CollectorError(this.#machine === undefined ? this.#withAttempts(error) : error.message, reason, error);
    }
  }

  #withAttempts(error: SystemError): string {
    this.#attemptsLeft--;
    const text = `${error.message}, ${this.#attemptsLeft} attempts left`;
    if (this.#attemptsLeft > 0 || this.#shared.advised) return text;
    this.#shared.advised = true;
    return `${text}. ${advice}`;
  }

  close(): void {
    this.#machine?.close();
    this.#machine = undefined;
    this.#attemptsLeft = 0;
  }
}

/** Reads the hypervisor's counters. `open` gives the library; a parameter for systems without it. */
export function bhyveSource(open: () => VmmLibrary = openVmmLibrary): CollectorSource {
  let shared: Shared | undefined;
  return {
    interfaceVersion: COLLECTOR_INTERFACE_VERSION,
    name: "bhyve",
    open({ machine }) {
      try {
        shared ??= { library: open(), advised: false };
        return new BhyveCollector(toDisplay(machine), shared);
      } catch (error) {
        if (!(error instanceof LibraryError)) throw error;
        throw new CollectorError(`Cannot read the hypervisor's counters: ${error.message}`, "unavailable", error);
      }
    },
  };
}
