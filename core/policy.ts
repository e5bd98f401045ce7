/**
 * Resource policies: what may run below a path (wire.md 9).
 *
 * @module
 */
import type { ByteString } from "./byte-string.ts";
import type { Int } from "./int.ts";

/** The resources that the unikernels and block devices below a path may use together. */
export interface Policy {
  /** How many unikernels may run. */
  readonly unikernels: Int;
  /** The host CPU ids that may be used: ascending, without duplicates. */
  readonly cpuIds: readonly Int[];
  /** Memory of all running unikernels, MiB. */
  readonly memory: Int;
  /** Block storage of all devices, MiB; `undefined` means none at all. */
  readonly block: Int | undefined;
  /** The host bridges that may be used: ascending in byte order, without duplicates. */
  readonly bridges: readonly ByteString[];
}
