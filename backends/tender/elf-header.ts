/**
 * The header and program headers of an executable, as far as a tender uses them.
 *
 * @module
 */
import { addressOf } from "../../runtime/ffi.ts";
import { readFully, SystemError } from "./libc.ts";
import { TenderError } from "./tender-error.ts";

const HEADER_SIZE = 64;
const PROGRAM_HEADER_SIZE = 56;
const MAGIC_LITTLE_64 = [0x7f, 0x45, 0x4c, 0x46, 2, 1] as const;
const TYPE_EXECUTABLE = 2;
const MACHINE_X86_64 = 62;

/** Types of program headers. */
export const PT_LOAD = 1;
export const PT_NOTE = 4;

/** Flags of program headers. */
export const PF_X = 1;
export const PF_W = 2;
export const PF_R = 4;

/** One program header. Values of 64 bits that are not exact as numbers are at least 2^53, beyond all limits. */
export interface ProgramHeader {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly virtualAddress: number;
  readonly fileSize: number;
  readonly memorySize: number;
  readonly align: number;
}

/** What the tender needs to know of an executable. */
export interface ElfHeader {
  readonly entry: number;
  readonly programHeaders: readonly ProgramHeader[];
}

/** A kernel file that is open. */
export interface KernelFile {
  readonly descriptor: number;
  /** As the user gave it, for messages. */
  readonly path: string;
}

/** An error about the kernel file, in the words of the original. */
export function invalidExecutable(file: KernelFile, what: string): TenderError {
  return new TenderError(`${file.path}: invalid executable: ${what}`);
}

/** A u64 as a number; 2^53 and above lose low bits, which no comparison with a real size notices. */
export function readU64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 0x1_0000_0000 + view.getUint32(at, true);
}

/**
 * Reads up to `length` bytes of the kernel file.
 *
 * @throws {TenderError} if the file cannot be read at all, for example because it is a directory
 */
export function readKernel(file: KernelFile, length: number, offset: number, what: string): Uint8Array {
  const bytes = new Uint8Array(length);
  try {
    return bytes.subarray(0, readFully(file.descriptor, addressOf(bytes), length, offset));
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    throw new TenderError(`${file.path}: Could not read the ${what}: ${error.message}`, { cause: error });
  }
}

/**
 * Reads and checks the ELF header and all program headers (solo5-abi.md 4).
 *
 * @throws {TenderError} with the original's text
 */
export function readElfHeader(file: KernelFile): ElfHeader {
  const bytes = readKernel(file, HEADER_SIZE, 0, "elf header");
  if (bytes.length !== HEADER_SIZE) {
    throw invalidExecutable(file, `elf header does not match the expected size (${bytes.length} != ${HEADER_SIZE})`);
  }
  const view = new DataView(bytes.buffer);
  const count = view.getUint16(0x38, true);
  const valid =
    MAGIC_LITTLE_64.every((byte, at) => bytes[at] === byte) &&
    view.getUint16(0x10, true) === TYPE_EXECUTABLE &&
    view.getUint16(0x12, true) === MACHINE_X86_64 &&
    view.getUint32(0x14, true) === 1 &&
    view.getUint16(0x34, true) === HEADER_SIZE &&
    view.getUint16(0x36, true) === PROGRAM_HEADER_SIZE &&
    count >= 1;
  if (!valid) {
    throw invalidExecutable(file, "invalid or unsupported executable (elf header invalid while loading note)");
  }
  const wanted = count * PROGRAM_HEADER_SIZE;
  const offset = readU64(view, 0x20);
  const table = Number.isSafeInteger(offset) ? readKernel(file, wanted, offset, "program headers") : new Uint8Array();
  if (table.length !== wanted) {
    throw invalidExecutable(
      file,
      `program header does not match the expected size (${table.length} != ${wanted} while loading note)`,
    );
  }
  const headers = new DataView(table.buffer, table.byteOffset, table.byteLength);
  const programHeaders = Array.from({ length: count }, (_, index) => {
    const at = index * PROGRAM_HEADER_SIZE;
    return {
      type: headers.getUint32(at, true),
      flags: headers.getUint32(at + 4, true),
      offset: readU64(headers, at + 8),
      virtualAddress: readU64(headers, at + 16),
      fileSize: readU64(headers, at + 32),
      memorySize: readU64(headers, at + 40),
      align: readU64(headers, at + 48),
    };
  });
  return { entry: readU64(view, 0x18), programHeaders };
}
