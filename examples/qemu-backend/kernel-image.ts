/**
 * What QEMU can boot by itself: told by the first bytes of an image.
 *
 * @module
 */
import { closeSync, constants, openSync, readSync } from "node:fs";
import { Refusal } from "./refusal.ts";

/** `linux`: the x86 boot protocol; `multiboot`: version 1 of that specification. */
export type KernelKind = "linux" | "multiboot";

/** The header of a multiboot kernel begins within so many bytes. */
export const MULTIBOOT_SEARCH = 8192;

const MULTIBOOT_MAGIC = 0x1bad_b002;
/** Where the boot protocol has its magic, and that: "HdrS". */
const [LINUX_OFFSET, LINUX_MAGIC] = [0x202, 0x5372_6448];

/** The kind of kernel that begins with `head`; `undefined` if it is none. */
export function kernelKind(head: Uint8Array): KernelKind | undefined {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (head.length >= LINUX_OFFSET + 4 && view.getUint32(LINUX_OFFSET, true) === LINUX_MAGIC) return "linux";
  for (let at = 0; at + 12 <= Math.min(head.length, MULTIBOOT_SEARCH); at += 4) {
    if (view.getUint32(at, true) !== MULTIBOOT_MAGIC) continue;
    const sum = MULTIBOOT_MAGIC + view.getUint32(at + 4, true) + view.getUint32(at + 8, true);
    if (sum % 2 ** 32 === 0) return "multiboot"; // flags and checksum belong to it
  }
  return undefined;
}

/** The kind of kernel in a file. @throws {Refusal} if it is none */
export function inspectKernel(file: string): KernelKind {
  const head = new Uint8Array(MULTIBOOT_SEARCH);
  const descriptor = openSync(file, constants.O_RDONLY);
  let length = 0;
  try {
    for (let count = -1; count !== 0 && length < head.length; length += count) {
      count = readSync(descriptor, head, length, head.length - length, length);
    }
  } finally {
    closeSync(descriptor);
  }
  const kind = kernelKind(head.subarray(0, length));
  if (kind !== undefined) return kind;
  throw new Refusal("Cannot boot this image by QEMU: it is neither a multiboot kernel nor a Linux kernel (bzImage)");
}
