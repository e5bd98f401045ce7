/**
 * A CPU of the host, by KVM (solo5-abi.md 7.4, 7.5).
 *
 * @module
 */
import { addressOf, cString, errno, memoryAt } from "../../runtime/ffi.ts";
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
import { DOUBTS_MAX, EAGAIN, EFAULT, EINTR, errorText, libc, mapFile, O_RDWR, openFile, SystemError } from "./libc.ts";
import type { GuestMemory } from "./memory.ts";
import { GDT_ADDRESS, GDT_LIMIT, PML4_ADDRESS } from "./page-tables.ts";
import { TenderError } from "./tender-error.ts";

const KVM_GET_API_VERSION = 0xae00;
const KVM_CREATE_VM = 0xae01;
const KVM_CHECK_EXTENSION = 0xae03;
const KVM_GET_VCPU_MMAP_SIZE = 0xae04;
const KVM_CREATE_VCPU = 0xae41;
const KVM_SET_USER_MEMORY_REGION = 0x4020ae46;
const KVM_GET_SUPPORTED_CPUID = 0xc008ae05;
const KVM_SET_CPUID2 = 0x4008ae90;
const KVM_SET_REGS = 0x4090ae82;
const KVM_SET_SREGS = 0x4138ae84;
const KVM_GET_TSC_KHZ = 0xaea3;

/** The requests that are made while the guest runs; the sandbox allows these only. */
export const KVM_RUN = 0xae80;
export const KVM_GET_REGS = 0x8090ae81;

const API_VERSION = 12;
const CAP_USER_MEMORY = 3;
const CAP_GET_TSC_KHZ = 61;
const CPUID_ENTRY_LIMIT = 256;
const EIO = 5;

const EXIT_IO = 2;
const EXIT_FAIL_ENTRY = 9;
const EXIT_INTERNAL_ERROR = 17;
const DIRECTION_OUT = 1;

const RFLAGS_OFFSET = 0x88;
const RIP_OFFSET = 0x80;
const RSP_OFFSET = 0x30;
const RDI_OFFSET = 0x28;
const REGS_SIZE = 144;
const SREGS_SIZE = 312;

const DEVICE = "/dev/kvm";

/** `ioctl` with an integer argument. @throws {TenderError} naming the request */
function request(descriptor: number, number: number, name: string, argument: number | bigint = 0): number {
  for (;;) {
    const result = libc.ioctl(descriptor, number, argument);
    if (result >= 0) return result;
    const cause = new SystemError();
    // What stops and continues this process meanwhile, such as a freezer, makes KVM give up a new machine.
    if (cause.number === EINTR) continue;
    throw new TenderError(`KVM: ioctl (${name}) failed: ${cause.message}`, { cause });
  }
}

/** `ioctl` with a structure. */
function requestWith(descriptor: number, number: number, name: string, argument: Uint8Array): void {
  request(descriptor, number, name, addressOf(argument));
}

/** Opens KVM. @throws {TenderError} if it cannot be opened */
function openDevice(): number {
  try {
    return openFile(cString(DEVICE), O_RDWR);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    throw new TenderError(`Could not open: ${DEVICE}: ${error.message}`, { cause: error });
  }
}

/** Segment registers in `kvm_sregs`: type 9 is code, 3 data, 11 a busy task. */
function writeSegment(view: DataView, at: number, selector: number, type: number): void {
  const isTask = type === 11;
  const isCode = type === 9;
  view.setUint32(at + 8, isTask ? 0 : 0xffff_ffff, true);
  view.setUint16(at + 12, selector, true);
  // type, present, dpl, db, s, l, g, avl, unusable
  const flags = [type, 1, 0, isTask || isCode ? 0 : 1, isTask ? 0 : 1, isCode ? 1 : 0, isTask ? 0 : 1, 0, 0];
  for (const [index, flag] of flags.entries()) view.setUint8(at + 14 + index, flag);
}

/** The CPU. */
export class KvmCpu implements Cpu {
  readonly description = "KVM";
  readonly #vcpu: number;
  readonly #area: Uint8Array;
  readonly #hasFrequency: boolean;

  /**
   * Creates a virtual machine with this memory. Its descriptors live as long as the process, which runs one guest.
   *
   * @throws {TenderError} if KVM cannot be used
   */
  constructor(memory: GuestMemory) {
    if (process.arch !== "x64") {
      throw new TenderError(`KVM: a processor of type ${process.arch} cannot run guests for x86-64`);
    }
    const kvm = openDevice();
    try {
      const version = request(kvm, KVM_GET_API_VERSION, "GET_API_VERSION");
      if (version !== API_VERSION) {
        throw new TenderError(`KVM: API version is ${version}, this tender needs ${API_VERSION}`);
      }
      if (request(kvm, KVM_CHECK_EXTENSION, "CHECK_EXTENSION", CAP_USER_MEMORY) === 0) {
        throw new TenderError("KVM: the host lacks the extension USER_MEMORY");
      }
      this.#hasFrequency = request(kvm, KVM_CHECK_EXTENSION, "CHECK_EXTENSION", CAP_GET_TSC_KHZ) !== 0;
      const vm = request(kvm, KVM_CREATE_VM, "CREATE_VM");
      this.#vcpu = request(vm, KVM_CREATE_VCPU, "CREATE_VCPU");
      const size = request(kvm, KVM_GET_VCPU_MMAP_SIZE, "GET_VCPU_MMAP_SIZE");
      try {
        this.#area = memoryAt(mapFile(this.#vcpu, size), size);
      } catch (error) {
        if (!(error instanceof SystemError)) throw error;
        throw new TenderError(`KVM: mapping the run area failed: ${error.message}`, { cause: error });
      }

      const region = new BigUint64Array([0n, 0n, BigInt(memory.size), BigInt(memory.address)]); // slot 0, no flags
      requestWith(vm, KVM_SET_USER_MEMORY_REGION, "SET_USER_MEMORY_REGION", new Uint8Array(region.buffer));

      const cpuid = new Uint8Array(8 + 40 * CPUID_ENTRY_LIMIT);
      new DataView(cpuid.buffer).setUint32(0, CPUID_ENTRY_LIMIT, true);
      requestWith(kvm, KVM_GET_SUPPORTED_CPUID, "GET_SUPPORTED_CPUID", cpuid);
      requestWith(this.#vcpu, KVM_SET_CPUID2, "SET_CPUID2", cpuid);
    } catch (error) {
      libc.close(kvm); // an emulated CPU may take over, and has no use for it
      throw error;
    }
  }

  frequency(): number {
    if (!this.#hasFrequency) throw new TenderError("KVM: the host does not tell the frequency of its TSC");
    const kilohertz = libc.ioctl(this.#vcpu, KVM_GET_TSC_KHZ, 0);
    if (kilohertz > 0) return kilohertz * 1000;
    const number = kilohertz < 0 ? errno() : EIO;
    throw new TenderError(
      number === EIO ? "KVM: host TSC is unstable" : `KVM: ioctl (GET_TSC_KHZ) failed: ${errorText(number)}`,
    );
  }

  start(start: CpuStart): void {
    const sregs = new Uint8Array(SREGS_SIZE);
    const view = new DataView(sregs.buffer);
    writeSegment(view, 0, CODE_SELECTOR, 9);
    for (const at of [24, 48, 72, 96, 120]) writeSegment(view, at, DATA_SELECTOR, 3);
    writeSegment(view, 0x90, 0, 11);
    view.setUint8(0xa8 + 22, 1); // no local descriptor table
    view.setBigUint64(0xc0, BigInt(GDT_ADDRESS), true);
    view.setUint16(0xc8, GDT_LIMIT, true);
    view.setBigUint64(0xe0, BigInt(CR0_START), true);
    view.setBigUint64(0xf0, BigInt(PML4_ADDRESS), true);
    view.setBigUint64(0xf8, BigInt(CR4_START), true);
    view.setBigUint64(0x108, BigInt(EFER_START), true);
    requestWith(this.#vcpu, KVM_SET_SREGS, "SET_SREGS", sregs);

    const regs = new Uint8Array(REGS_SIZE);
    const registers = new DataView(regs.buffer);
    registers.setBigUint64(RDI_OFFSET, BigInt(start.bootInfo), true);
    registers.setBigUint64(RSP_OFFSET, BigInt(start.stackPointer), true);
    registers.setBigUint64(RIP_OFFSET, BigInt(start.entry), true);
    registers.setBigUint64(RFLAGS_OFFSET, BigInt(FLAGS_START), true);
    requestWith(this.#vcpu, KVM_SET_REGS, "SET_REGS", regs);
  }

  run(ports: GuestPorts): string {
    const area = new DataView(this.#area.buffer, this.#area.byteOffset, this.#area.byteLength);
    const vcpu = this.#vcpu;
    const { ioctl } = libc;
    for (let doubts = 0; ; ) {
      if (ioctl(vcpu, KVM_RUN, 0) !== 0) {
        const number = errno();
        if (number === EINTR || number === EAGAIN || ++doubts <= DOUBTS_MAX) continue;
        if (number === EFAULT) return `KVM: host/guest translation fault: rip=${this.#instructionPointer()}`;
        return `KVM: ioctl (RUN) failed: ${errorText(number)}`;
      }
      doubts = 0;
      const reason = area.getUint32(8, true);
      if (reason !== EXIT_IO) return this.#describeExit(area, reason);
      const port = area.getUint16(34, true);
      if (area.getUint8(32) !== DIRECTION_OUT || area.getUint8(33) !== 4 || area.getUint32(36, true) !== 1) {
        ports.refuse(port);
      }
      ports.write(port, area.getUint32(area.getUint32(40, true), true));
    }
  }

  #describeExit(area: DataView, reason: number): string {
    const detail = area.getUint32(32, true).toString(16);
    if (reason === EXIT_INTERNAL_ERROR) return `KVM: internal error exit: suberror=0x${detail}`;
    if (reason === EXIT_FAIL_ENTRY) return `KVM: entry failure: hw_entry_failure_reason=0x${detail}`;
    return `KVM: unhandled exit: exit_reason=0x${reason.toString(16)}, rip=${this.#instructionPointer()}`;
  }

  #instructionPointer(): string {
    const regs = new Uint8Array(REGS_SIZE);
    requestWith(this.#vcpu, KVM_GET_REGS, "GET_REGS", regs);
    return `0x${new DataView(regs.buffer).getBigUint64(RIP_OFFSET, true).toString(16)}`;
  }
}
