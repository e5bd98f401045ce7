/**
 * Whether Linux's virtual machines can be used, without making one.
 *
 * @module
 */
import { closeSync, constants, openSync } from "node:fs";
import { errno, libcNames, openLibrary } from "../../runtime/ffi.ts";
import { SystemError } from "../../runtime/system-error.ts";

const DEVICE = "/dev/kvm";
const KVM_GET_API_VERSION = 0xae00;

/** The only version there is since 2007; others are to be refused. */
export const KVM_API_VERSION = 12;

/**
 * The version of KVM.
 *
 * @throws the system's error if the device cannot be opened or asked
 */
export function kvmApiVersion(): number {
  const { ioctl } = openLibrary(libcNames, { ioctl: { args: ["i32", "u64", "u64"], returns: "i32" } });
  const descriptor = openSync(DEVICE, constants.O_RDWR);
  try {
    const version = ioctl(descriptor, KVM_GET_API_VERSION, 0);
    if (version < 0) throw new SystemError(`Cannot ask ${DEVICE} for its version`, errno());
    return version;
  } finally {
    closeSync(descriptor);
  }
}
