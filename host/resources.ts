/**
 * What this host has: processors, memory, room on disks.
 *
 * @module
 */
import { readFileSync, statfsSync } from "node:fs";
import { totalmem } from "node:os";
import { FreebsdResources } from "./freebsd/freebsd-resources.ts";
import type { HostResources } from "./host-resources.ts";

/** Linux tells here which CPUs are online. */
const ONLINE_CPUS = "/sys/devices/system/cpu/online";

/** The numbers in a list of Linux: `0-2,5` is 0, 1, 2 and 5; `undefined` if it is not such a list. */
export function parseCpuList(list: string): readonly number[] | undefined {
  const ids: number[] = [];
  for (const range of list.trim().split(",")) {
    const match = /^([0-9]{1,4})(?:-([0-9]{1,4}))?$/.exec(range);
    if (match === null) return undefined;
    const first = Number(match[1]);
    for (let id = first; id <= Number(match[2] ?? first); id++) ids.push(id);
  }
  return ids;
}

const linuxResources: HostResources = {
  cpuIds() {
    const ids = parseCpuList(readFileSync(ONLINE_CPUS, "latin1"));
    if (ids !== undefined) return ids;
    throw new Error(`${ONLINE_CPUS} has an unknown format`);
  },
  memory: totalmem,
  fileSystemSize(directory) {
    const { blocks, bsize } = statfsSync(directory, { bigint: true });
    return blocks * bsize;
  },
};

/** The resources of this host. */
export const hostResources: HostResources = process.platform === "freebsd" ? new FreebsdResources() : linuxResources;
