/**
 * The contents of the two notes of a Solo5 image: which tender, which devices (solo5-abi.md 2 and 3).
 *
 * @module
 */
import { type ByteString, fromBytes } from "../core/byte-string.ts";
import { type ElfFile, findNote, readExactly } from "./image-elf.ts";
import { ImageError } from "./image-error.ts";

/** What a Solo5 image is built for, in the order of their numbers from 1 on. */
export const solo5Targets = ["hvt", "spt", "virtio", "muen", "genode", "xen"] as const;

/** What a Solo5 image is built for. */
export type Solo5Target = (typeof solo5Targets)[number];

/** A device that an image declares, and must be given. */
export interface ImageDevice {
  readonly name: ByteString;
  readonly type: "block" | "network";
}

/** Most entries of a manifest; the first is no device. */
export const MANIFEST_ENTRIES_MAX = 64;

const ABI_BYTES = 16;
/** In front of the manifest, to align it. */
const MANIFEST_PADDING = 4;
const MANIFEST_HEADER_BYTES = 8;
const ENTRY_BYTES = 104;
const NAME_BYTES = 68;
const RESERVED_FIRST = 0x4000_0000;

/**
 * The ABI note: the target and its version.
 *
 * @throws {ImageError} in the original's words (daemon.md 16)
 */
export function readAbiNote(elf: ElfFile): { target: Solo5Target; abiVersion: number } {
  const note = findNote(elf, ".note.solo5.abi", 0x3149_4241);
  if (note.size !== ABI_BYTES) throw new ImageError("abi manifest size mismatch");
  const view = readExactly(elf.source, note.offset, ABI_BYTES);
  const number = view.getInt32(0, true);
  const target = solo5Targets[number - 1];
  if (target === undefined) throw new ImageError(`unknown abi target: ${number}`);
  if (view.getUint32(8, true) !== 0) throw new ImageError("non-zero reserved0");
  if (view.getUint32(12, true) !== 0) throw new ImageError("non-zero reserved1");
  return { target, abiVersion: view.getUint32(4, true) };
}

/**
 * The manifest note: the devices in their order.
 *
 * @throws {ImageError} in the original's words (daemon.md 16)
 */
export function readManifestNote(elf: ElfFile): ImageDevice[] {
  const note = findNote(elf, ".note.solo5.manifest", 0x3154_464d);
  const headerEnd = MANIFEST_PADDING + MANIFEST_HEADER_BYTES;
  if (note.size < headerEnd) throw new ImageError("manifest too small");
  const header = readExactly(elf.source, note.offset + MANIFEST_PADDING, MANIFEST_HEADER_BYTES);
  if (header.getUint32(0, true) !== 1) throw new ImageError("unsupported manifest version");
  const count = header.getUint32(4, true);
  if (count === 0) throw new ImageError("zero manifest entries");
  if (count > MANIFEST_ENTRIES_MAX) throw new ImageError("too many manifest entries");
  if (note.size !== headerEnd + count * ENTRY_BYTES) throw new ImageError("unexpected note size");
  const devices: ImageDevice[] = [];
  for (let index = 0; index < count; index++) {
    const device = readEntry(readExactly(elf.source, note.offset + headerEnd + index * ENTRY_BYTES, ENTRY_BYTES));
    const first = device === "reserved-first";
    if (index === 0 && !first) throw new ImageError("expected RESERVED_FIRST");
    if (index > 0 && first) throw new ImageError("found RESERVED_FIRST not as first entry");
    if (!first) devices.push(device);
  }
  return devices;
}

function readEntry(entry: DataView): ImageDevice | "reserved-first" {
  let length = 0;
  while (length < NAME_BYTES && entry.getUint8(length) !== 0) length++;
  if (length === NAME_BYTES) throw new ImageError("unterminated device name");
  const name = fromBytes(new Uint8Array(entry.buffer, entry.byteOffset, length));
  if (!isZero(entry, 72, 88)) throw new ImageError("non-zero mft_entry.u");
  if (!isZero(entry, 88, 96)) throw new ImageError("non-zero mft_entry.b");
  if (!isZero(entry, 96, 97)) throw new ImageError("non-zero mft_entry.attached");
  const type = entry.getInt32(NAME_BYTES, true);
  switch (type) {
    case 1:
      return { name, type: "block" };
    case 2:
      return { name, type: "network" };
    case RESERVED_FIRST:
      if (name !== "") throw new ImageError("expected RESERVED_FIRST"); // it has to be nameless
      return "reserved-first";
    default:
      throw new ImageError(`unknown manifest entry type: ${type}`);
  }
}

function isZero(view: DataView, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (view.getUint8(at) !== 0) return false;
  return true;
}
