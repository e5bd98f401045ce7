/**
 * Samples of statistics as callers see them.
 *
 * @module
 */
import { type ByteString, toDisplay } from "../../core/byte-string.ts";
import type { Name } from "../../core/name.ts";
import type { InterfaceData, ProcessMemory, ResourceUsage, Statistics, TimeValue } from "../../core/statistics.ts";

/** Numbers for integers, exact up to 2^53; seconds for times; text for byte strings. */
type Readable<T> = { readonly [Key in keyof T]: T[Key] extends ByteString ? string : number };

/**
 * What a unikernel uses, measured at one instant. Counters count from its start; memory is in pages, but `vsize` in bytes.
 *
 * @example
 * ```ts
 * import { connect, type Sample } from "albatross";
 *
 * const seconds = ({ usage }: Sample) => usage.utime + usage.stime;
 * const albatross = await connect({ tmpdir: "/run/albatross" });
 * for await (const sample of albatross.statistics("hello")) {
 *   console.log(seconds(sample));
 *   break;
 * }
 * ```
 */
export interface Sample {
  readonly name: Name;
  /** When it came. */
  readonly time: Date;
  /** As getrusage(2). */
  readonly usage: Readable<ResourceUsage>;
  /** `undefined` if the host does not tell. */
  readonly memory: Readable<ProcessMemory> | undefined;
  /** Counters of the hypervisor by name; `undefined` if there are none. */
  readonly hypervisor: Readonly<Record<string, number>> | undefined;
  /** Network interfaces seen from the host: input is what comes from the unikernel. `bridge` is its device. */
  readonly interfaces: readonly Readable<InterfaceData>[];
}

/** What callers see of the statistics of a unikernel. */
export function sampleOf(name: Name, { resourceUsage, memory, hypervisor, interfaces }: Statistics): Sample {
  return {
    name,
    time: new Date(),
    usage: readable(resourceUsage),
    memory: memory && readable(memory),
    hypervisor: hypervisor && Object.fromEntries(hypervisor.map(({ key, value }) => [toDisplay(key), Number(value)])),
    interfaces: interfaces.map(readable),
  };
}

function readable<T extends object>(record: T): Readable<T> {
  const entries = Object.entries(record) as readonly (readonly [string, number | bigint | TimeValue | ByteString])[];
  return Object.fromEntries(
    entries.map(([key, value]) => [
      key,
      typeof value === "string"
        ? toDisplay(value)
        : typeof value === "object"
          ? Number(value.seconds) + Number(value.microseconds) / 1e6
          : Number(value),
    ]),
  ) as Readable<T>;
}
