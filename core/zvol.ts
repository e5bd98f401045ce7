/**
 * ZFS volumes as block devices, for unikernels on one path that the administrator has chosen (daemon.md 15).
 *
 * @module
 */
import type { ByteString } from "./byte-string.ts";
import type { Name } from "./name.ts";

/**
 * A path really below `/dev/zvol/`: without `.` and `..`, and without characters that mean something to a tender or a
 * hypervisor, such as the comma.
 */
const zvolPath = /^\/dev\/zvol(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9_.:-]+)+$/;

/**
 * The volume that a unikernel's block device names.
 *
 * @param allowed the path whose unikernels may use volumes
 * @returns the path of the device, or `undefined` if it is none, or not allowed there
 */
export function zvolOf(
  allowed: Name | undefined,
  unikernel: Name,
  { name, device }: { readonly name: ByteString; readonly device: ByteString | undefined },
): string | undefined {
  const given = device ?? name;
  return allowed?.text === unikernel.parentPath.text && zvolPath.test(given) ? given : undefined;
}
