/**
 * The descriptor table and page tables a guest starts with: an identity map of its memory (solo5-abi.md 7.2).
 *
 * @module
 */
import { type GuestMemory, MEMORY_UNIT } from "./memory.ts";

/** Guest-physical address of the global descriptor table. */
export const GDT_ADDRESS = 0x1000;
/** Its limit: three entries. */
export const GDT_LIMIT = 23;
/** Guest-physical address of the topmost page table. */
export const PML4_ADDRESS = 0x2000;

const PDPT_ADDRESS = 0x3000;
const FIRST_DIRECTORY_ADDRESS = 0x4000;
const FIRST_TABLE_ADDRESS = 0x8000;
const PAGE = 0x1000;
const DIRECTORIES = 4;
const ENTRIES = 512;

const PRESENT = 1;
const WRITABLE = 2;
const LARGE = 0x80;

const DESCRIPTORS = [0n, 0x00af99000000ffffn, 0x00cf93000000ffffn] as const;

/** Pages below this one are not there, so that a null pointer faults. */
const FIRST_PRESENT_PAGE = 0x10;
/** Pages below this one hold what the tender tells the guest, and cannot be written. */
const FIRST_WRITABLE_PAGE = 0x100;

/** Writes all tables into guest memory. */
export function writePageTables(memory: GuestMemory): void {
  for (const [index, descriptor] of DESCRIPTORS.entries()) {
    memory.view.setBigUint64(GDT_ADDRESS + 8 * index, descriptor, true);
  }
  memory.setU64(PML4_ADDRESS, PDPT_ADDRESS | PRESENT | WRITABLE);
  for (let index = 0; index < DIRECTORIES; index++) {
    memory.setU64(PDPT_ADDRESS + 8 * index, (FIRST_DIRECTORY_ADDRESS + PAGE * index) | PRESENT | WRITABLE);
  }
  memory.setU64(FIRST_DIRECTORY_ADDRESS, FIRST_TABLE_ADDRESS | PRESENT | WRITABLE);
  for (let index = 1; index * MEMORY_UNIT < memory.size; index++) {
    // The four directories follow one another, so the index runs on over all of them.
    memory.setU64(FIRST_DIRECTORY_ADDRESS + 8 * index, index * MEMORY_UNIT + (LARGE | WRITABLE | PRESENT));
  }
  for (let page = FIRST_PRESENT_PAGE; page < ENTRIES; page++) {
    const rights = page < FIRST_WRITABLE_PAGE ? PRESENT : PRESENT | WRITABLE;
    memory.setU64(FIRST_TABLE_ADDRESS + 8 * page, (page * PAGE) | rights);
  }
}
