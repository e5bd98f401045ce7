/**
 * What is told about unikernels.
 *
 * @module
 */
import { toDisplay } from "../../core/byte-string.ts";
import type { Int } from "../../core/int.ts";
import type { Name } from "../../core/name.ts";
import type { UnikernelInfo } from "../../core/unikernel.ts";
import type { UnikernelStatus } from "../status.ts";

/**
 * A unikernel that runs, or waits for its next start. Its fields have the names of {@link UnikernelOptions}, so they can
 * be given to a create again.
 *
 * @example
 * ```ts
 * import { connect, type Unikernel } from "albatross";
 *
 * const albatross = await connect({ tmpdir: "/run/albatross" });
 * const [hello]: readonly Unikernel[] = await albatross.info("hello");
 * if (hello !== undefined) await albatross.create("web", { ...hello, image: await albatross.get("hello") });
 * ```
 */
export interface Unikernel {
  /** The name by which the same client can ask for it. */
  readonly name: Name;
  /** `solo5`, `bhyve`, or the name of a backend. */
  readonly type: string;
  /** When it was started last. */
  readonly started: Date;
  readonly restartOnFail: boolean;
  /** The exit codes that it is started again with; empty for all but 1. */
  readonly exitCodes: readonly Int[];
  /** When it is started after the host was: lower comes first. */
  readonly startup: Int | undefined;
  /** Whether `--name=NAME` comes before its arguments; `undefined` if the daemon does not tell. */
  readonly addName: boolean | undefined;
  /** The host's CPUs that it runs on. */
  readonly cpuIds: readonly Int[];
  /** MiB. */
  readonly memoryMb: Int;
  readonly blocks: readonly {
    readonly name: string;
    /** The host's device. */
    readonly device: string;
    /** Bytes. */
    readonly sectorSize: Int;
    /** MiB; 0 if unknown. */
    readonly sizeMb: Int;
  }[];
  readonly networks: readonly { readonly name: string; readonly bridge: string; readonly mac: string }[];
  /** SHA-256 of the uncompressed image in hex; `undefined` for machines without image. */
  readonly digest: string | undefined;
  readonly arguments: readonly string[] | undefined;
  readonly cpus: Int;
  readonly linuxBootPartition: string | undefined;
  /** How it is doing; `undefined` if the daemon does not tell: remote hosts, and the original's albatrossd. */
  readonly status: Status | undefined;
}

/**
 * How a unikernel is doing.
 *
 * @example
 * ```ts
 * import { connect, type Status } from "albatross";
 *
 * const isWell = (status: Status | undefined) => status === undefined || status.state === "running";
 * const albatross = await connect({ tmpdir: "/run/albatross" });
 * for (const { name, status } of await albatross.info()) if (!isWell(status)) console.log(`${name}: ${status?.reason}`);
 * ```
 */
export interface Status {
  /** `running`, `waiting` to be started again, or that in a `crash-loop`, or `failed` to start. */
  readonly state: string;
  /** Why it does not run. */
  readonly reason: string | undefined;
  /** When it is started again. */
  readonly next: Date | undefined;
  /** How often it was started again. */
  readonly restarts: number;
  /** How it ended last, e.g. `exit 2`. */
  readonly lastExit: string | undefined;
  /** What runs it. */
  readonly launcher: string | undefined;
  readonly pid: number | undefined;
}

/** Bytes of a SHA-256. */
const DIGEST_BYTES = 32;

/** A unikernel as callers see it. */
export function unikernelOf(name: Name, info: UnikernelInfo, status: UnikernelStatus | undefined): Unikernel {
  const { failBehaviour, networks, linuxBootPartition } = info;
  return {
    name,
    type: info.type,
    started: new Date(info.started),
    restartOnFail: failBehaviour.kind === "restart",
    exitCodes: failBehaviour.kind === "restart" ? failBehaviour.exitCodes : [],
    startup: info.startup,
    addName: status?.addName,
    cpuIds: info.cpuIds,
    memoryMb: info.memory,
    blocks: info.blockDevices.map((block) => ({
      name: toDisplay(block.name),
      device: toDisplay(block.device),
      sectorSize: block.sectorSize,
      sizeMb: block.size,
    })),
    networks: networks.map((each) => ({ name: toDisplay(each.name), bridge: toDisplay(each.bridge), mac: each.mac })),
    digest: info.type !== "bhyve" && info.digest.length === DIGEST_BYTES ? info.digest.toHex() : undefined,
    arguments: info.arguments?.map(toDisplay),
    cpus: info.cpus,
    linuxBootPartition: linuxBootPartition === undefined ? undefined : toDisplay(linuxBootPartition),
    status: status && statusOf(status),
  };
}

function statusOf({ state, reason, next, restarts, lastExit, launcher, pid }: UnikernelStatus): Status {
  return { state, reason, next: next === undefined ? undefined : new Date(next), restarts, lastExit, launcher, pid };
}
