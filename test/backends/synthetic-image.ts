/**
 * Makes images with nothing in them but what inspection reads, of either byte order.
 *
 * @module
 */

/** Where the parts of a synthetic image are, to patch them. */
export const at = {
  abiNote: 0x100,
  abiDescriptor: 0x114,
  manifestNote: 0x140,
  /** Behind the padding. */
  manifest: 0x158,
  entry: (index: number) => 0x160 + 104 * index,
} as const;

/** A device of a synthetic image. */
export interface SyntheticDevice {
  readonly name: string;
  readonly type: number;
}

const sectionNames = "\0.note.solo5.abi\0.note.solo5.manifest\0.shstrtab\0";

/** Section headers: none, ABI, manifest, names. */
export const SECTION_COUNT = 4;

/** A good image; what is odd about it is patched in afterwards. */
export function makeImage({
  target = 1,
  version = 2,
  devices = [],
  littleEndian = true,
}: {
  readonly target?: number;
  readonly version?: number;
  readonly devices?: readonly SyntheticDevice[];
  readonly littleEndian?: boolean;
} = {}): Uint8Array {
  const entries = [{ name: "", type: 0x4000_0000 }, ...devices];
  const manifestBytes = 12 + 104 * entries.length;
  const names = at.manifestNote + 20 + manifestBytes;
  const table = (names + sectionNames.length + 7) & ~7;
  const image = new Uint8Array(table + 64 * SECTION_COUNT);
  const view = new DataView(image.buffer);
  const text = (offset: number, value: string) => image.set(new TextEncoder().encode(value), offset);

  image.set([0x7f, 0x45, 0x4c, 0x46, 2, littleEndian ? 1 : 2, 1]);
  view.setUint16(0x10, 2, littleEndian);
  view.setUint16(0x12, 62, littleEndian);
  view.setBigUint64(0x28, BigInt(table), littleEndian);
  view.setUint16(0x3a, 64, littleEndian);
  view.setUint16(0x3c, SECTION_COUNT, littleEndian);
  view.setUint16(0x3e, SECTION_COUNT - 1, littleEndian);

  const note = (offset: number, size: number, type: number) => {
    view.setUint32(offset, 6, littleEndian);
    view.setUint32(offset + 4, size, littleEndian);
    view.setUint32(offset + 8, type, littleEndian);
    text(offset + 12, "Solo5");
  };
  note(at.abiNote, 16, 0x3149_4241);
  view.setUint32(at.abiDescriptor, target, true); // descriptors are little-endian always
  view.setUint32(at.abiDescriptor + 4, version, true);
  note(at.manifestNote, manifestBytes, 0x3154_464d);
  view.setUint32(at.manifest, 1, true);
  view.setUint32(at.manifest + 4, entries.length, true);
  for (const [index, { name, type }] of entries.entries()) {
    text(at.entry(index), name);
    view.setUint32(at.entry(index) + 68, type, true);
  }

  text(names, sectionNames);
  const section = (index: number, name: string, offset: number, size: number) => {
    const header = table + 64 * index;
    view.setUint32(header, sectionNames.indexOf(name), littleEndian);
    view.setBigUint64(header + 24, BigInt(offset), littleEndian);
    view.setBigUint64(header + 32, BigInt(size), littleEndian);
  };
  section(1, ".note.solo5.abi", at.abiNote, 36);
  section(2, ".note.solo5.manifest", at.manifestNote, 20 + manifestBytes);
  section(3, ".shstrtab", names, sectionNames.length);
  return image;
}

/** Offset of a section's header in an image of {@link makeImage}. */
export function sectionHeader(image: Uint8Array, index: number): number {
  return image.length - 64 * (SECTION_COUNT - index);
}

/** A copy of an image with other bytes at an offset. */
export function patched(image: Uint8Array, offset: number, ...bytes: readonly number[]): Uint8Array {
  const copy = image.slice();
  copy.set(bytes, offset);
  return copy;
}
