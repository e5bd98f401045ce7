/**
 * An emulated CPU, by libunicorn: for hosts without a usable KVM.
 *
 * The guest gets the same control registers and page tables as on KVM. Two things differ: exceptions are not delivered to
 * handlers of the guest but end it, and the image's segments are only executable if they say so.
 *
 * @module
 */
import {
  CODE_SELECTOR,
  type Cpu,
  type CpuStart,
  CR0_START,
  CR4_START,
  DATA_SELECTOR,
  EFER_START,
  FLAGS_START,
  type GuestPorts,
} from "./cpu.ts";
import type { GuestMemory } from "./memory.ts";
import { GDT_ADDRESS, GDT_LIMIT, PML4_ADDRESS } from "./page-tables.ts";
import { TscClock } from "./tsc-clock.ts";
import { Engine, Register, UC_PROT_EXEC, UC_PROT_READ, UC_PROT_WRITE } from "./unicorn.ts";

const MSR_EFER = 0xc0000080;
const ALL_RIGHTS = UC_PROT_READ | UC_PROT_WRITE | UC_PROT_EXEC;

/** The CPU. */
export class UnicornCpu implements Cpu {
  readonly description: string;
  readonly #clock = new TscClock();
  readonly #engine = new Engine();
  readonly #memory: GuestMemory;

  /** @throws {LibraryError} if libunicorn is not installed, {@link TenderError} if it fails */
  constructor(memory: GuestMemory) {
    this.#memory = memory;
    this.description = `emulated CPU (Unicorn ${this.#engine.version})`;
  }

  frequency(): number {
    return this.#clock.finish();
  }

  start(start: CpuStart): void {
    this.#mapMemory();
    const engine = this.#engine;
    // Segments first: once paging is on, the emulator would look for their descriptors in pages the guest cannot see.
    engine.writeStructure(Register.gdtr, tableRegister(GDT_ADDRESS, GDT_LIMIT));
    engine.writeStructure(Register.idtr, tableRegister(0, 0));
    engine.write(Register.cs, CODE_SELECTOR);
    for (const segment of [Register.ss, Register.ds, Register.es, Register.fs, Register.gs]) {
      engine.write(segment, DATA_SELECTOR);
    }
    engine.write(Register.cr4, CR4_START);
    engine.write(Register.cr3, PML4_ADDRESS);
    engine.writeStructure(Register.msr, modelRegister(MSR_EFER, EFER_START));
    engine.write(Register.cr0, CR0_START);
    engine.write(Register.rflags, FLAGS_START);
    engine.write(Register.rdi, start.bootInfo);
    engine.write(Register.rsp, start.stackPointer);
    engine.write(Register.rip, start.entry);
  }

  run(ports: GuestPorts): string {
    const { refuse, write } = ports;
    this.#engine.hookPorts(
      (port, size, value) => (size === 4 ? write(port, value) : refuse(port)),
      (port) => refuse(port),
    );
    const reason = this.#engine.run(this.#engine.read(Register.rip));
    const instruction = this.#engine.read(Register.rip).toString(16);
    return `Emulated CPU: unhandled exit: ${reason ?? "the guest halted"}, rip=0x${instruction}`;
  }

  /** Maps memory range by range, as the image's segments are protected; everything else may do all. */
  #mapMemory(): void {
    let at = 0;
    const map = (end: number, rights: number) => {
      if (end > at) this.#engine.map(at, end - at, rights, this.#memory.address + at);
      at = end;
    };
    for (const range of this.#memory.ranges) {
      map(range.start, ALL_RIGHTS);
      const rights =
        (range.readable || range.executable ? UC_PROT_READ : 0) |
        (range.writable ? UC_PROT_WRITE : 0) |
        (range.executable ? UC_PROT_EXEC : 0);
      map(range.end, rights);
    }
    map(this.#memory.size, ALL_RIGHTS);
  }
}

/** Unicorn's structure for GDTR and IDTR: selector u16, base u64, limit u32, flags u32, with C's alignment. */
function tableRegister(base: number, limit: number): Uint8Array {
  const bytes = new Uint8Array(24);
  const view = new DataView(bytes.buffer);
  view.setUint32(8, base, true);
  view.setUint32(16, limit, true);
  return bytes;
}

/** Unicorn's structure for model-specific registers: number u32, value u64, with C's alignment. */
function modelRegister(number: number, value: number): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, number, true);
  view.setUint32(8, value, true);
  return bytes;
}
