/**
 * The tender that is part of this program: used where the host has no `solo5-hvt`.
 *
 * @module
 */
import { closeSync, constants, openSync } from "node:fs";
import { LibraryError, libcNames, openLibrary } from "../../runtime/ffi.ts";
import { type BackendHost, BackendRefusal } from "../backend.ts";
import type { Tender } from "../solo5-launcher.ts";
import { tenderMissing, tenderMissingText } from "../tender-search.ts";

/** The version of the hvt ABI that the built-in tender speaks. */
export const BUILT_IN_ABI_VERSION = 2;

const [KVM_GET_API_VERSION, KVM_API_VERSION] = [0xae00, 12];

/** Names of the CPU emulator's library. */
const unicornNames = ["libunicorn.so.2"];

/** What the built-in tender needs of the host; a parameter for hosts that are not this one. */
export interface TenderHardware {
  /** Whether the built-in tender knows this system and instruction set at all. */
  readonly supported: boolean;
  /** Why KVM cannot be used: the name of the system's error; `undefined` if it can. */
  kvmError(): string | undefined;
  /** Whether the CPU emulator is installed. */
  hasEmulator(): boolean;
}

/** This host. */
export const thisHardware: TenderHardware = {
  supported: process.platform === "linux" && process.arch === "x64",
  kvmError() {
    try {
      const descriptor = openSync("/dev/kvm", constants.O_RDWR);
      try {
        const { ioctl } = openLibrary(libcNames, { ioctl: { args: ["i32", "u64", "u64"], returns: "i32" } });
        // In containers any other device may lie under this name.
        return ioctl(descriptor, KVM_GET_API_VERSION, 0) === KVM_API_VERSION ? undefined : "it is not KVM";
      } finally {
        closeSync(descriptor);
      }
    } catch (error) {
      return error instanceof Error && "code" in error ? String(error.code) : String(error);
    }
  },
  hasEmulator() {
    try {
      openLibrary(unicornNames, { uc_version: { args: ["pointer", "pointer"], returns: "u32" } });
      return true;
    } catch (error) {
      if (error instanceof LibraryError) return false;
      throw error;
    }
  },
};

/**
 * The built-in tender on KVM, or on an emulated CPU where there is no usable KVM and emulation is allowed.
 *
 * @throws {BackendRefusal} beginning with the original's words for a missing tender, and saying what to install
 */
export function builtInTender(
  abiVersion: number,
  host: BackendHost,
  lookedFor: readonly string[],
  hardware: TenderHardware = thisHardware,
): Tender {
  if (abiVersion !== BUILT_IN_ABI_VERSION || !hardware.supported) throw tenderMissing(lookedFor);
  const command = [...host.self, "tender"];
  const kvmError = hardware.kvmError();
  if (kvmError === undefined) return { description: "built-in tender on KVM", emulated: false, command };
  if (!host.allowEmulation) {
    throw refusal(
      lookedFor,
      `/dev/kvm is not usable (${kvmError}) and emulation is not allowed. Load KVM's kernel module and grant access to /dev/kvm, or allow it by --allow-emulation`,
    );
  }
  if (!hardware.hasEmulator()) {
    throw refusal(
      lookedFor,
      `/dev/kvm is not usable (${kvmError}) and there is no emulator. Grant access to /dev/kvm, or install the library ${unicornNames.join(" or ")} (package libunicorn2)`,
    );
  }
  return {
    description: "built-in tender on an emulated CPU",
    emulated: true,
    command: [...command, "--allow-emulation"],
  };
}

function refusal(lookedFor: readonly string[], reason: string): BackendRefusal {
  return new BackendRefusal(`${tenderMissingText(lookedFor)}; the built-in tender cannot run it either: ${reason}`);
}
