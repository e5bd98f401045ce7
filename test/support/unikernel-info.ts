/**
 * An answer to an info request, for tests.
 *
 * @module
 */
import type { UnikernelInfo } from "../../core/unikernel.ts";

/** A plain unikernel, but for the `changes`. */
export function unikernelInfo(changes: Partial<UnikernelInfo> = {}): UnikernelInfo {
  return {
    type: "solo5",
    startup: undefined,
    failBehaviour: { kind: "quit" },
    cpuIds: [0],
    memory: 32,
    digest: new Uint8Array(32),
    blockDevices: [],
    networks: [],
    arguments: undefined,
    started: 0,
    cpus: 1,
    linuxBootPartition: undefined,
    ...changes,
  };
}
