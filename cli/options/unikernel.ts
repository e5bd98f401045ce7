/**
 * Options that describe a unikernel, for `create` and `restart` (client.md 4).
 *
 * @module
 */
import type { Options } from "../command.ts";

export const unikernelOptions = {
  arguments: {
    flags: ["--arg"],
    kind: "text",
    repeated: true,
    doc: "An argument for the unikernel, e.g. --arg=--ipv4=10.0.0.2/24. Repeatable.",
  },
  networks: {
    flags: ["--net"],
    kind: "network",
    repeated: true,
    docv: "[NAME:]BRIDGE[@MAC]",
    doc: "Connects the network device NAME of the image to the bridge BRIDGE of the host. A single word is the name of both. Repeatable.",
  },
  blocks: {
    flags: ["--block"],
    kind: "block",
    repeated: true,
    docv: "NAME[:DEVICE][@SECTORSIZE]",
    doc: "Attaches the block device DEVICE of the host (default: NAME) as the image's device NAME. Repeatable.",
  },
  memory: { flags: ["--mem"], kind: "megabytes", fallback: "32", docv: "MB", doc: "Memory in MB." },
  cpuIds: {
    flags: ["--cpu"],
    kind: "cpu-id",
    repeated: true,
    fallback: "0",
    docv: "ID",
    doc: "A CPU of the host to run on, by number. Repeatable: the unikernel may run on all of them.",
  },
  restartOnFail: {
    flags: ["--restart", "--restart-on-fail"],
    kind: "flag",
    doc: "Restart the unikernel when it ends by itself.",
  },
  exitCodes: {
    flags: ["--exit-code"],
    kind: "exit-code",
    repeated: true,
    docv: "CODE",
    doc: "With --restart: only when it ends with this status. Repeatable.",
  },
  startup: {
    flags: ["--startup"],
    kind: "integer",
    docv: "N",
    doc: "Priority when the daemon starts all unikernels: lower first, 50 if absent.",
  },
  noAddName: {
    flags: ["--no-add-name"],
    kind: "flag",
    doc: "Do not put --name=<name of the unikernel> before its arguments.",
  },
  cpus: { flags: ["--cpus"], kind: "virtual-cpus", fallback: "1", docv: "N", doc: "Virtual CPUs; BHyve only." },
  linuxBoot: {
    flags: ["--linux-boot"],
    kind: "text",
    docv: "PARTITION",
    doc: "The partition to boot Linux from; BHyve only.",
  },
} as const satisfies Options;

export const compressionOption = {
  compressionLevel: {
    flags: ["--compression-level"],
    kind: "compression-level",
    docv: "LEVEL",
    doc: "Compress the image for the transfer: 0 (not at all) to 9. Default: 0 to a local daemon, else 9.",
  },
} as const satisfies Options;

/** How long `create` and `restart` watch a fresh unikernel. */
export const watchOptions = {
  noWait: {
    flags: ["--no-wait"],
    kind: "flag",
    doc: "Do not watch whether the unikernel ends at once.",
    section: "OUTPUT OPTIONS",
  },
  waitFail: {
    flags: ["--wait-fail"],
    kind: "flag",
    doc: "Exit with 115 if the unikernel ends with a failure, or is restarted again and again, while it is watched.",
    section: "OUTPUT OPTIONS",
  },
} as const satisfies Options;
