/**
 * The sources of statistics that come with albatross-stats.
 *
 * @module
 */
import { bhyveSource } from "./bhyve-stats/bhyve-source.ts";
import type { CollectorSource } from "./collector.ts";
import { freebsdSource } from "./freebsd-stats/freebsd-source.ts";
import { kvmSource } from "./linux-stats/kvm-source.ts";
import { linuxSource } from "./linux-stats/linux-source.ts";

/**
 * The sources for an operating system.
 *
 * @param hypervisor whether counters of the hypervisor are wanted, too
 * @throws for a system without any
 */
export function builtinCollectors(platform: NodeJS.Platform, hypervisor: boolean): readonly CollectorSource[] {
  if (platform === "linux") return hypervisor ? [linuxSource(), kvmSource()] : [linuxSource()];
  if (platform === "freebsd") return hypervisor ? [freebsdSource(), bhyveSource()] : [freebsdSource()];
  throw new Error(`Cannot measure anything on ${platform}: run albatross-stats on Linux or FreeBSD`);
}
