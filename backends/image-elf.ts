/**
 * Finds a note in an ELF64 file by the name of its section, as the original does (solo5-abi.md 1 and 4).
 *
 * Nothing in the file is trusted: every offset and size is checked against the file before it is used. Unlike the
 * original this also holds for a string table index beyond the section table and for a descriptor longer than the file.
 *
 * @module
 */
import { elfError, noteMissing } from "./image-error.ts";
import { type ImageSource, windowed } from "./image-source.ts";

const ELF_HEADER_BYTES = 64;
const SECTION_HEADER_BYTES = 64;
/** Name size, descriptor size, type, and `Solo5` with its zero, padded to 8 bytes. */
const NOTE_HEADER_BYTES = 20;
const NOTE_OWNER = "Solo5\0";

/** The parts of an ELF header that inspection needs. */
export interface ElfFile {
  readonly source: ImageSource;
  readonly littleEndian: boolean;
  /** The instruction set, `e_machine`: 62 x86_64, 183 aarch64. */
  readonly machine: number;
  readonly sections: {
    /** The file, read in windows: the table is read in order, unlike what it points to. */
    readonly source: ImageSource;
    readonly offset: number;
    readonly stride: number;
    readonly count: number;
  };
  /** Where the section names are. */
  readonly names: { readonly offset: number; readonly size: number };
}

/** A note: its descriptor lies at `offset` and is `size` bytes long, all of them within the file. */
export interface ElfNote {
  readonly offset: number;
  readonly size: number;
}

/** Reads exactly these bytes; anything outside the file is an {@link elfError}. */
export function readExactly(source: ImageSource, offset: number, length: number): DataView {
  if (offset + length > source.size) throw elfError();
  const bytes = source.readAt(offset, length);
  if (bytes.length !== length) throw elfError();
  return new DataView(bytes.buffer, bytes.byteOffset, length);
}

/** A 64-bit offset or size. What cannot lie in the file is refused here, so that the rest is exact in a number. */
function position(view: DataView, at: number, littleEndian: boolean, source: ImageSource): number {
  const value = view.getBigUint64(at, littleEndian);
  if (value > BigInt(source.size)) throw elfError();
  return Number(value);
}

function sectionRange(view: DataView, littleEndian: boolean, source: ImageSource): { offset: number; size: number } {
  const offset = position(view, 24, littleEndian, source);
  const size = position(view, 32, littleEndian, source);
  if (offset + size > source.size) throw elfError();
  return { offset, size };
}

/**
 * Reads the header of an ELF64 file of either byte order.
 *
 * @throws {ImageError} if it is malformed or has no section table
 */
export function openElf(source: ImageSource): ElfFile {
  const header = readExactly(source, 0, ELF_HEADER_BYTES);
  const order = header.getUint8(5);
  const identified = header.getUint32(0) === 0x7f454c46 && header.getUint8(4) === 2 && (order === 1 || order === 2);
  if (!identified) throw elfError();
  for (let at = 9; at < 16; at++) if (header.getUint8(at) !== 0) throw elfError();
  const littleEndian = order === 1;
  const machine = header.getUint16(0x12, littleEndian);
  const offset = position(header, 0x28, littleEndian, source);
  const stride = header.getUint16(0x3a, littleEndian);
  const count = header.getUint16(0x3c, littleEndian);
  const namesIndex = header.getUint16(0x3e, littleEndian);
  if (stride < SECTION_HEADER_BYTES || offset + stride * count > source.size || namesIndex >= count) throw elfError();
  const names = readExactly(source, offset + stride * namesIndex, SECTION_HEADER_BYTES);
  return {
    source,
    littleEndian,
    machine,
    sections: { source: windowed(source), offset, stride, count },
    names: sectionRange(names, littleEndian, source),
  };
}

/** The first section of this name. */
function findSection({ source, littleEndian, sections, names }: ElfFile, name: string): ElfNote {
  for (let index = 0; index < sections.count; index++) {
    const at = sections.offset + sections.stride * index;
    const header = readExactly(sections.source, at, SECTION_HEADER_BYTES);
    const nameAt = header.getUint32(0, littleEndian);
    if (nameAt >= names.size) throw elfError();
    if (!hasText(source, names.offset + nameAt, names.size - nameAt, `${name}\0`)) continue;
    return sectionRange(header, littleEndian, source);
  }
  throw noteMissing();
}

function hasText(source: ImageSource, offset: number, available: number, text: string): boolean {
  if (available < text.length) return false;
  const view = readExactly(source, offset, text.length);
  for (let at = 0; at < text.length; at++) if (view.getUint8(at) !== text.charCodeAt(at)) return false;
  return true;
}

/**
 * Finds Solo5's note of this type, which must be the first in the first section of this name.
 *
 * @throws {ImageError} if there is none, or it is malformed
 */
export function findNote(elf: ElfFile, sectionName: string, type: number): ElfNote {
  const section = findSection(elf, sectionName);
  if (section.size < NOTE_HEADER_BYTES) throw elfError();
  const header = readExactly(elf.source, section.offset, NOTE_HEADER_BYTES);
  const ownerSize = header.getUint32(0, elf.littleEndian);
  const size = header.getUint32(4, elf.littleEndian);
  if (ownerSize !== NOTE_OWNER.length || header.getUint32(8, elf.littleEndian) !== type) throw noteMissing();
  if (!hasText(elf.source, section.offset + 12, NOTE_OWNER.length, NOTE_OWNER)) throw noteMissing();
  const offset = section.offset + NOTE_HEADER_BYTES;
  if (offset + size > elf.source.size) throw elfError();
  return { offset, size };
}
