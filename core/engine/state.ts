/**
 * What albatrossd knows: policies, block devices, and for each unikernel what shall run and what runs now.
 *
 * @module
 */
import type { Name } from "../name.ts";
import type { BlockEntry, Consumer, PolicyEntry } from "../resources.ts";
import type { MacAddress, UnikernelArguments } from "../unikernel.ts";
import type { UnikernelType } from "../unikernel-type.ts";

/** An image in the store. */
export interface ImageReference {
  /** SHA-256 of the uncompressed image, lower-case hex. */
  readonly sha256: string;
  /** Bytes, uncompressed. */
  readonly size: number;
}

/** What shall run under a name: the desired state. */
export interface UnikernelSpec {
  readonly type: UnikernelType;
  /** `undefined` for those that boot without (BHyve, and what a backend runs so). */
  readonly image: ImageReference | undefined;
  readonly arguments: UnikernelArguments;
}

/** A process that runs, or ran, a unikernel: the observed state. */
export interface Run {
  /** Identifies this start for ever; the process carries it in its environment. */
  readonly instance: string;
  readonly pid: number;
  /** Clock ticks since boot (proc_pid_stat(5), field 22); with `bootId` it tells a process from a later one of its pid. */
  readonly processStart: number;
  readonly bootId: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** In the order of the networks of the configuration. */
  readonly taps: readonly { readonly tap: string; readonly mac: MacAddress }[];
  /** What runs it, e.g. `solo5-hvt`. */
  readonly launcher: string;
  /** The name of the virtual machine, where the kernel keeps one beyond the end of the process (BHyve). */
  readonly machine?: string;
}

/** Where a unikernel is in its life. */
export type Phase =
  /** Admitted and being prepared: holds its resources, but has not been acknowledged and is not listed. */
  | { readonly kind: "starting" }
  | { readonly kind: "running"; readonly run: Run }
  /** Ended by itself and about to be started again, at `until` (milliseconds since 1970). */
  | { readonly kind: "waiting"; readonly until: number; readonly reason: string }
  /** Could not be started; tried again at `until`. */
  | { readonly kind: "failed"; readonly until: number; readonly reason: string };

/** A unikernel: what shall run, and how that goes. */
export interface Unikernel extends Consumer {
  readonly name: Name;
  readonly spec: UnikernelSpec;
  readonly arguments: UnikernelArguments;
  readonly phase: Phase;
  /** Times it was started again since it was created. */
  readonly restarts: number;
  /** Ends or failed starts in a row, without a minute of health between; sets the back-off. */
  readonly failures: number;
  /** Milliseconds since 1970 of the last start, 0 before the first. */
  readonly startedAt: number;
  /** How the last process ended, e.g. `exit 2`; `undefined` before the first end. */
  readonly lastExit: string | undefined;
}

/** Everything. Maps are keyed by {@link Name.key}; a state is never modified, {@link apply} makes a new one. */
export interface State {
  readonly policies: ReadonlyMap<string, PolicyEntry>;
  /** When the policy of a path was settled: what an older delegation certificate asks for does not undo it. */
  readonly settled: ReadonlyMap<string, Settled>;
  readonly unikernels: ReadonlyMap<string, Unikernel>;
  readonly blocks: ReadonlyMap<string, BlockEntry>;
  /** The path whose unikernels may use ZFS volumes, if the administrator has named one. */
  readonly zvolPath?: Name | undefined;
  /** How unikernels ended that are not there any more, oldest first: the last {@link ENDED_MAX} of them. */
  readonly ended: ReadonlyMap<string, Ended>;
}

/** The time of the newest word on the policy of a path. */
export interface Settled {
  readonly name: Name;
  /** Milliseconds since 1970: `notBefore` of a delegation, or when an administrator gave the command. */
  readonly at: number;
}

/** How a unikernel ended for good by itself. */
export interface Ended {
  readonly name: Name;
  /** E.g. `exit 0`. */
  readonly status: string;
  readonly restarts: number;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly at: number;
}

/** Ends that are remembered. */
export const ENDED_MAX = 256;

/** Nothing. */
export const EMPTY_STATE: State = {
  policies: new Map(),
  settled: new Map(),
  unikernels: new Map(),
  blocks: new Map(),
  ended: new Map(),
};

/** Failures in a row from which a unikernel counts as crash-looping. */
export const CRASH_LOOP_FAILURES = 3;

/** A word for people: `running`, `waiting`, `crash-loop`, `failed` or `starting`. */
export function describePhase(unikernel: Unikernel): string {
  const { phase, failures } = unikernel;
  return phase.kind === "waiting" && failures >= CRASH_LOOP_FAILURES ? "crash-loop" : phase.kind;
}
