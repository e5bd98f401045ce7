/**
 * What a FreeBSD host has (daemon.md 4).
 *
 * @module
 */
import { cString, errno, libcNames, openLibrary } from "../../runtime/ffi.ts";
import { Sysctl } from "../../runtime/sysctl.ts";
import { SystemError } from "../../runtime/system-error.ts";
import type { HostResources } from "../host-resources.ts";

const [CTL_HW, HW_NCPU, HW_PAGESIZE] = [6, 3, 7];

/** `struct statvfs` of sys/statvfs.h on 64-bit machines: all members have 8 bytes. */
const [STATVFS_SIZE, BLOCKS, FRAGMENT_SIZE] = [88, 16, 64];

function unsigned(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return bytes.length >= 8 ? Number(view.getBigUint64(0, true)) : view.getUint32(0, true);
}

/** By sysctl and statvfs. */
export class FreebsdResources implements HostResources {
  readonly #names: readonly string[];
  readonly #sysctl: Sysctl;

  /** @param names of the C library; opened at the first call */
  constructor(names: readonly string[] = libcNames) {
    this.#names = names;
    this.#sysctl = new Sysctl(names);
  }

  cpuIds(): readonly number[] {
    const count = unsigned(this.#sysctl.read("Cannot count the processors", [CTL_HW, HW_NCPU], 4));
    return Array.from({ length: count }, (_, id) => id); // FreeBSD's are consecutive
  }

  /** What is left to programs, as `sysconf(_SC_PHYS_PAGES)` gives it. */
  memory(): number {
    const attempt = "Cannot ask for the size of the memory";
    const pages = unsigned(this.#sysctl.readNamed(attempt, "hw.availpages", 8));
    return pages * unsigned(this.#sysctl.read(attempt, [CTL_HW, HW_PAGESIZE], 4));
  }

  fileSystemSize(directory: string): bigint {
    const { statvfs } = openLibrary(this.#names, { statvfs: { args: ["buffer", "buffer"], returns: "i32" } });
    const bytes = new Uint8Array(STATVFS_SIZE);
    if (statvfs(cString(directory), bytes) !== 0) {
      throw new SystemError(`Cannot ask for the size of ${directory}`, errno());
    }
    const view = new DataView(bytes.buffer);
    return view.getBigUint64(BLOCKS, true) * view.getBigUint64(FRAGMENT_SIZE, true);
  }
}
