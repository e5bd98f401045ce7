/**
 * The two Solo5 notes of an executable, found through its program headers.
 *
 * Only the first note of each PT_NOTE segment is looked at, as Solo5's own tenders do (solo5-abi.md 1).
 *
 * @module
 */
import { type ElfHeader, invalidExecutable, type KernelFile, PT_NOTE, readKernel } from "./elf-header.ts";
import { TenderError } from "./tender-error.ts";

const TYPE_ABI = 0x31494241;
const TYPE_MANIFEST = 0x3154464d;
/** `Solo5` with its zero; two bytes of padding follow, which nobody looks at. */
const NOTE_NAME = [0x53, 0x6f, 0x6c, 0x6f, 0x35, 0] as const;
const NOTE_HEADER_SIZE = 20;
const SMALLEST_NOTE = 12;
const MANIFEST_PADDING = 4;
const TARGET_HVT = 1;

/** The ABI version this tender speaks. */
export const ABI_VERSION = 2;
/** Longest ABI descriptor that is read, in bytes. */
export const ABI_DESCRIPTOR_LIMIT = 32;
/** Longest manifest descriptor that is read, in bytes: 64 entries. */
export const MANIFEST_DESCRIPTOR_LIMIT = 6668;

/** Finds a note; gives its descriptor, or `undefined` if no segment starts with such a note. */
function findNote(file: KernelFile, header: ElfHeader, type: number, limit: number): Uint8Array | undefined {
  for (const [index, segment] of header.programHeaders.entries()) {
    if (segment.type !== PT_NOTE) continue;
    const problem = (what: string) => invalidExecutable(file, `phdr[${index}] ${what}`);
    if (segment.fileSize < SMALLEST_NOTE) throw problem("note does not fall within valid size");
    if (segment.fileSize < NOTE_HEADER_SIZE) continue;
    const head = Number.isSafeInteger(segment.offset)
      ? readKernel(file, NOTE_HEADER_SIZE, segment.offset, "note")
      : new Uint8Array();
    if (head.length !== NOTE_HEADER_SIZE) throw problem("bytes read mismatches note size");
    const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
    const named = view.getUint32(0, true) === NOTE_NAME.length && NOTE_NAME.every((byte, at) => head[12 + at] === byte);
    if (!named || view.getUint32(8, true) !== type) continue;
    const size = view.getUint32(4, true);
    if (size < 1 || size > limit || segment.fileSize < NOTE_HEADER_SIZE + size) {
      throw problem("note does not fall within valid size");
    }
    const descriptor = readKernel(file, size, segment.offset + NOTE_HEADER_SIZE, "note");
    if (descriptor.length !== size) throw problem("bytes read mismatches note size");
    return descriptor;
  }
  return undefined;
}

/**
 * Checks that the executable is for this tender.
 *
 * @throws {TenderError} with the original's text
 */
export function checkAbi(file: KernelFile, header: ElfHeader): void {
  const descriptor = findNote(file, header, TYPE_ABI, ABI_DESCRIPTOR_LIMIT);
  if (descriptor === undefined) {
    throw new TenderError(`${file.path}: No Solo5 ABI information found in executable`);
  }
  if (descriptor.length < 8) throw invalidExecutable(file, "note does not fall within valid size");
  const view = new DataView(descriptor.buffer, descriptor.byteOffset, descriptor.byteLength);
  if (view.getUint32(0, true) !== TARGET_HVT) {
    throw new TenderError(`${file.path}: Executable is not for the solo5-hvt target`);
  }
  const version = view.getUint32(4, true);
  if (version !== ABI_VERSION) {
    throw new TenderError(`${file.path}: Executable requests unsupported ABI version ${version}`);
  }
}

/**
 * The bytes of the manifest structure, without the padding in front.
 *
 * @throws {TenderError} with the original's text
 */
export function readManifestNote(file: KernelFile, header: ElfHeader): Uint8Array {
  const descriptor = findNote(file, header, TYPE_MANIFEST, MANIFEST_DESCRIPTOR_LIMIT);
  if (descriptor === undefined) throw new TenderError(`${file.path}: No Solo5 manifest found in executable`);
  if (descriptor.length < MANIFEST_PADDING) throw invalidExecutable(file, "note does not fall within valid size");
  return descriptor.slice(MANIFEST_PADDING);
}
