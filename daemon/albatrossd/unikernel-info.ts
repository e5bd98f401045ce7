/**
 * What info tells of the unikernels.
 *
 * @module
 */
import type { Revision } from "../../core/engine/revisions.ts";
import type { State, Unikernel } from "../../core/engine/state.ts";
import { describePhase } from "../../core/engine/state.ts";
import type { Int } from "../../core/int.ts";
import type { Name } from "../../core/name.ts";
import { jsonRevision } from "../../core/print/json.ts";
import { blockNameOf, bridgeOf } from "../../core/resources.ts";
import { select } from "../../core/tree.ts";
import type { UnikernelInfo } from "../../core/unikernel.ts";
import { isBackendType } from "../../core/unikernel-type.ts";
import { macOf } from "./instance.ts";

/** Bytes of a sector where the configuration does not say. */
const DEFAULT_SECTOR_SIZE = 512;

/** The digest of the image; of a machine without image its name, as long as it runs. */
function digestOf({ spec, phase }: Unikernel): Uint8Array {
  if (spec.image !== undefined) return Uint8Array.fromHex(spec.image.sha256);
  return new TextEncoder().encode(phase.kind === "running" ? (phase.run.machine ?? "") : "");
}

/** The type, or for peers that know no others that of the protocol which comes nearest. */
function typeOf({ spec }: Unikernel, anyType: boolean): UnikernelInfo["type"] {
  if (anyType || !isBackendType(spec.type)) return spec.type;
  return spec.image === undefined ? "bhyve" : "solo5";
}

function infoOf(state: State, unikernel: Unikernel, anyType: boolean): UnikernelInfo {
  const { name, arguments: given, phase, startedAt } = unikernel;
  const taps = phase.kind === "running" ? phase.run.taps : [];
  return {
    type: typeOf(unikernel, anyType),
    startup: given.startup,
    failBehaviour: given.failBehaviour,
    cpuIds: given.cpuIds,
    memory: given.memory,
    digest: digestOf(unikernel),
    blockDevices: given.blockDevices.map((device) => {
      const block = blockNameOf(name, device);
      return {
        name: device.name,
        device: device.device ?? device.name,
        sectorSize: device.sectorSize ?? DEFAULT_SECTOR_SIZE,
        size: (block === undefined ? undefined : state.blocks.get(block.key)?.size) ?? 0,
      };
    }),
    networks: given.networks.map((network, at) => ({
      name: network.name,
      bridge: bridgeOf(network),
      mac: taps[at]?.mac ?? macOf(name, network),
    })),
    arguments: given.arguments,
    started: startedAt,
    cpus: given.cpus,
    linuxBootPartition: given.linuxBootPartition,
  };
}

/** Whether a unikernel is shown: those that were acknowledged, running or to be started again. */
function isListed(unikernel: Unikernel): boolean {
  return unikernel.phase.kind !== "starting" || unikernel.startedAt > 0;
}

/**
 * The unikernels that `query` selects, in the order of replies.
 *
 * @param anyType whether who asks knows the names of backends as types
 */
export function listUnikernels(
  state: State,
  query: Name,
  anyType: boolean,
): readonly { name: Name; info: UnikernelInfo }[] {
  return select(state.unikernels, query)
    .filter(({ entry }) => isListed(entry))
    .map(({ name, entry }) => ({ name, info: infoOf(state, entry, anyType) }));
}

/** How a unikernel is doing: what the protocol's info has no place for. */
export interface UnikernelStatus {
  /** As in the info reply: relative to the path that was asked for. */
  readonly name: string;
  /** `running`, `waiting`, `crash-loop`, `failed`; `ended` for one that is no longer there. */
  readonly state: string;
  /** Why it is not running. */
  readonly reason?: string;
  /** Milliseconds since 1970: when it is started again. */
  readonly next?: number;
  readonly restarts: number;
  /** Whether it gets `--name=`; of those that are there. */
  readonly addName?: boolean;
  readonly lastExit?: string;
  /** What runs it, e.g. `solo5-hvt`. */
  readonly launcher?: string;
  readonly pid?: number;
  /** Milliseconds since 1970: when the last process was started. */
  readonly started?: number;
  /** Milliseconds since 1970: when it ended for good. */
  readonly ended?: number;
}

/**
 * The status of the unikernels that `query` selects, in the order of {@link listUnikernels}; if it is the name of one
 * that ended by itself, how that ended.
 */
export function listStatus(state: State, query: Name): readonly UnikernelStatus[] {
  const ended = query.isPath ? undefined : state.ended.get(query.key);
  if (ended !== undefined && !state.unikernels.has(query.key)) {
    const { name, status, restarts, startedAt, at } = ended;
    return [{ name: name.text, state: "ended", restarts, lastExit: status, started: startedAt, ended: at }];
  }
  return select(state.unikernels, query)
    .filter(({ entry }) => isListed(entry))
    .map(({ name, entry }) => {
      const { phase, lastExit, restarts } = entry;
      return {
        name: name.text,
        state: describePhase(entry),
        restarts,
        addName: entry.arguments.addName,
        ...(entry.startedAt === 0 ? {} : { started: entry.startedAt }),
        ...(lastExit === undefined ? {} : { lastExit }),
        ...(phase.kind === "waiting" || phase.kind === "failed" ? { reason: phase.reason, next: phase.until } : {}),
        ...(phase.kind === "running" ? { launcher: phase.run.launcher, pid: phase.run.pid } : {}),
      };
    });
}

/** Characters of a list of revisions, unless the first one alone has more: arguments can be long. */
export const REVISION_LIST_MAX: number = 2 ** 20;

/** The first `count` revisions as a JSON list, those left out that make it longer than {@link REVISION_LIST_MAX}. */
export function listRevisions(revisions: readonly Revision[], count: Int): string {
  const parts: string[] = [];
  let length = 2;
  for (const revision of revisions) {
    if (parts.length >= count) break;
    const part = JSON.stringify(jsonRevision(revision));
    length += part.length + (parts.length > 0 ? 1 : 0);
    if (parts.length > 0 && length > REVISION_LIST_MAX) break;
    parts.push(part);
  }
  return `[${parts.join(",")}]`;
}
