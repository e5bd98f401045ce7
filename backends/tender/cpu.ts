/**
 * What the tender needs of a CPU: KVM has one, and so has an emulator.
 *
 * @module
 */

/** How a guest starts. All addresses are guest addresses. */
export interface CpuStart {
  readonly entry: number;
  /** First argument of the entry point. */
  readonly bootInfo: number;
  readonly stackPointer: number;
}

/** What stands behind the guest's ports. Nothing here throws; it may end the process. */
export interface GuestPorts {
  /** The guest wrote 4 bytes to a port. `value` is unsigned. */
  write(port: number, value: number): void;
  /** Any other access: another size, or input. The process ends. */
  refuse(port: number): never;
}

/** A virtual CPU that is bound to a guest's memory. */
export interface Cpu {
  /** For people: `KVM`, `emulated CPU (Unicorn 2.0.1)`. */
  readonly description: string;
  /**
   * Ticks of the time stamp counter per second, as the guest sees it.
   *
   * @throws {TenderError} if there is no stable one
   */
  frequency(): number;
  /** Puts the CPU into the state of solo5-abi.md 7.4. Descriptor and page tables must be in memory. */
  start(start: CpuStart): void;
  /**
   * Runs the guest until it cannot go on, which is always an error: a guest ends by a hypercall.
   *
   * @returns why, as a line for standard error
   */
  run(ports: GuestPorts): string;
}

/** Initial control registers: paging, write protection, numeric errors, protected mode. */
export const CR0_START = 0x80010021;
/** Physical address extension, and SSE state and exceptions for the guest. */
export const CR4_START = 0x620;
/** Long mode, enabled and active. */
export const EFER_START = 0x500;
/** Only the bit that is always set: interrupts are off. */
export const FLAGS_START = 0x2;
/** Selectors of the two segments. */
export const CODE_SELECTOR = 8;
export const DATA_SELECTOR = 0x10;
