/**
 * The guest's memory: one shared mapping, seen by the guest at address 0 and by the tender through a view.
 *
 * Every address the guest gives passes {@link GuestMemory.readable} or {@link GuestMemory.writable} before it is used.
 *
 * @module
 */
import { memoryAt } from "../../runtime/ffi.ts";
import { libc, mapShared, PROT_READ, PROT_WRITE, SystemError } from "./libc.ts";
import { TenderError } from "./tender-error.ts";

/** Memory is given to the guest in units of this many bytes. */
export const MEMORY_UNIT = 0x20_0000;
/** Most bytes of memory a guest can have. */
export const MEMORY_LIMIT = 0x1_0000_0000;

/** A part of the image whose host mapping has been protected. `end` is exclusive. */
export interface ProtectedRange {
  readonly start: number;
  readonly end: number;
  readonly readable: boolean;
  readonly writable: boolean;
  readonly executable: boolean;
}

/** The memory of a guest. */
export class GuestMemory {
  /** Address of the mapping in this process. */
  readonly address: number;
  /** Bytes. */
  readonly size: number;
  /** All of it. The mapping lives as long as the process. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly #ranges: ProtectedRange[] = [];
  /** No protected range ends beyond this address. */
  #protectedEnd = 0;

  /** @throws {TenderError} if the host cannot give that much */
  constructor(size: number) {
    this.size = size;
    try {
      this.address = mapShared(size);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      throw new TenderError(`Error allocating guest memory: ${error.message}`, { cause: error });
    }
    this.bytes = memoryAt(this.address, size);
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
  }

  /** The protected parts, ascending. */
  get ranges(): readonly ProtectedRange[] {
    return this.#ranges;
  }

  /**
   * Takes rights on a range away from the guest and from this process. Ranges must come in ascending order.
   *
   * @throws {TenderError} if the host refuses
   */
  protect(range: ProtectedRange): void {
    // Execution is the guest's matter; the host only ever has to read its code.
    const protection = (range.readable || range.executable ? PROT_READ : 0) | (range.writable ? PROT_WRITE : 0);
    if (libc.mprotect(this.address + range.start, range.end - range.start, protection) !== 0) {
      const cause = new SystemError();
      throw new TenderError(`Could not protect guest memory: ${cause.message}`, { cause });
    }
    this.#ranges.push(range);
    this.#protectedEnd = range.end;
  }

  /** Whether the tender may read `size` bytes at `address` for the guest. Both may be any number. */
  readable(address: number, size: number): boolean {
    return this.#within(address, size) && (address >= this.#protectedEnd || this.#allows(address, size, false));
  }

  /** Whether the tender may write there for the guest. */
  writable(address: number, size: number): boolean {
    return this.#within(address, size) && (address >= this.#protectedEnd || this.#allows(address, size, true));
  }

  /** The rule of the interface: a range that ends exactly at the end of memory is refused (solo5-abi.md 8). */
  #within(address: number, size: number): boolean {
    return address < this.size && size < this.size - address;
  }

  #allows(address: number, size: number, write: boolean): boolean {
    for (const range of this.#ranges) {
      if (address + size <= range.start || address >= range.end) continue;
      if (write ? !range.writable : !(range.readable || range.executable)) return false;
    }
    return true;
  }

  /** A u64 field as a number; 2^53 and above lose low bits, and exceed every limit. */
  u64(address: number): number {
    return this.view.getUint32(address + 4, true) * 0x1_0000_0000 + this.view.getUint32(address, true);
  }

  /** Sets a u64 field to a number below 2^53. */
  setU64(address: number, value: number): void {
    this.view.setUint32(address, value >>> 0, true);
    this.view.setUint32(address + 4, Math.floor(value / 0x1_0000_0000), true);
  }
}
