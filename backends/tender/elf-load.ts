/**
 * Loading an executable into guest memory.
 *
 * All segments are checked before a byte is copied (solo5-abi.md 7.3).
 *
 * @module
 */
import {
  type ElfHeader,
  invalidExecutable,
  type KernelFile,
  PF_R,
  PF_W,
  PF_X,
  type ProgramHeader,
  PT_LOAD,
} from "./elf-header.ts";
import { readFully, SystemError } from "./libc.ts";
import type { GuestMemory } from "./memory.ts";
import { TenderError } from "./tender-error.ts";

/** Lowest address of an image in guest memory. */
export const IMAGE_BASE = 0x100000;
const PAGE = 0x1000;

/** Where a segment lies, rounded to its alignment. `end` is exclusive. */
interface Placement {
  readonly index: number;
  readonly header: ProgramHeader;
  readonly start: number;
  readonly end: number;
}

/** A loaded image. */
export interface LoadedImage {
  readonly entry: number;
  /** First address behind the last segment. */
  readonly kernelEnd: number;
}

/**
 * Copies all segments and protects them.
 *
 * @throws {TenderError} if the executable cannot be loaded into this memory
 */
export function loadImage(file: KernelFile, header: ElfHeader, memory: GuestMemory): LoadedImage {
  const placements = placeSegments(file, header, memory.size);
  for (const { index, header: segment } of placements) {
    copySegment(file, index, segment, memory);
  }
  for (const { start, end, header: segment } of placements) {
    memory.protect({
      start,
      end,
      readable: (segment.flags & PF_R) !== 0,
      writable: (segment.flags & PF_W) !== 0,
      executable: (segment.flags & PF_X) !== 0,
    });
  }
  if (header.entry < IMAGE_BASE || header.entry >= memory.size) {
    throw invalidExecutable(file, "entry point is outside of guest memory");
  }
  return { entry: header.entry, kernelEnd: placements.at(-1)?.end ?? 0 };
}

/** Checks every segment that has contents in the file. Values from 2^53 on are inexact and beyond every bound here. */
function placeSegments(file: KernelFile, header: ElfHeader, memorySize: number): Placement[] {
  const placements: Placement[] = [];
  let previousAddress = 0;
  let previousEnd = IMAGE_BASE;
  for (const [index, segment] of header.programHeaders.entries()) {
    if (segment.type !== PT_LOAD || segment.fileSize === 0) continue;
    const refuse = (what: string) => invalidExecutable(file, `phdr[${index}] ${what}`);
    const { virtualAddress, fileSize, memorySize: size, align, flags } = segment;
    if (virtualAddress < IMAGE_BASE) throw refuse("lies below the lowest address of an image");
    if (virtualAddress >= memorySize) throw refuse("lies outside of guest memory");
    if (virtualAddress < previousAddress) throw refuse("is not in ascending order");
    if (!isPowerOfTwo(align)) throw refuse("has an alignment that is not a power of two");
    if (size < fileSize) throw refuse("is larger in the file than in memory");
    if (virtualAddress + fileSize > memorySize || virtualAddress + size > memorySize) {
      throw refuse("does not fit into guest memory");
    }
    const start = Math.floor(virtualAddress / align) * align;
    const end = Math.ceil((virtualAddress + size) / align) * align;
    if (start < previousEnd) throw refuse("overlaps what lies before it");
    if (end > memorySize) throw refuse("does not fit into guest memory");
    if (start % PAGE !== 0 || end % PAGE !== 0) throw refuse("is not aligned to pages");
    if ((flags & PF_W) !== 0 && (flags & PF_X) !== 0) throw refuse("is both writable and executable");
    placements.push({ index, header: segment, start, end });
    previousAddress = virtualAddress;
    previousEnd = end;
  }
  return placements;
}

function isPowerOfTwo(value: number): boolean {
  return value >= 1 && Number.isInteger(Math.log2(value)) && 2 ** Math.log2(value) === value;
}

/** Reads a segment straight into guest memory; what follows it up to its size in memory is zero already. */
function copySegment(file: KernelFile, index: number, segment: ProgramHeader, memory: GuestMemory): void {
  let count = 0;
  try {
    if (Number.isSafeInteger(segment.offset + segment.fileSize)) {
      const target = memory.address + segment.virtualAddress;
      count = readFully(file.descriptor, target, segment.fileSize, segment.offset);
    }
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    throw new TenderError(`${file.path}: Could not read phdr[${index}]: ${error.message}`, { cause: error });
  }
  if (count !== segment.fileSize) {
    throw invalidExecutable(file, `phdr[${index}] is cut off in the file (${count} != ${segment.fileSize})`);
  }
}
