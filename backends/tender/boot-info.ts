/**
 * What a guest is told at its start: memory, clock, command line, devices (solo5-abi.md 7.6).
 *
 * @module
 */
import type { GuestMemory } from "./memory.ts";

/** Guest address of the boot information; also the first argument of the guest's entry point. */
export const BOOT_INFO_ADDRESS = 0x10000;
/** Longest command line, in bytes, without its terminator. */
export const COMMAND_LINE_LIMIT = 8191;

const BOOT_INFO_SIZE = 56;

/** The contents of the boot information. */
export interface BootInfo {
  /** First address behind the loaded image. */
  readonly kernelEnd: number;
  /** Ticks of the guest's time stamp counter per second. */
  readonly frequency: number;
  /** At most {@link COMMAND_LINE_LIMIT} bytes. */
  readonly commandLine: Uint8Array;
  /** The manifest with attached devices. */
  readonly manifest: Uint8Array;
}

/** Writes boot information, manifest and command line into fresh guest memory. */
export function writeBootInfo(memory: GuestMemory, info: BootInfo): void {
  const manifestAddress = BOOT_INFO_ADDRESS + BOOT_INFO_SIZE;
  const commandLineAddress = manifestAddress + info.manifest.length;
  memory.setU64(BOOT_INFO_ADDRESS, memory.size);
  memory.setU64(BOOT_INFO_ADDRESS + 8, info.kernelEnd);
  memory.setU64(BOOT_INFO_ADDRESS + 16, info.frequency);
  memory.setU64(BOOT_INFO_ADDRESS + 24, commandLineAddress);
  memory.setU64(BOOT_INFO_ADDRESS + 32, manifestAddress);
  // Features and ring address stay zero: guests then use hypercalls only.
  memory.bytes.set(info.manifest, manifestAddress);
  memory.bytes.set(info.commandLine, commandLineAddress); // the terminator is there: memory is zero-filled
}
