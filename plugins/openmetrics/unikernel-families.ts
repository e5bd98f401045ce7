/**
 * What unikernels use, as metrics, from the samples of albatross-stats.
 *
 * Labels are `unikernel` (the last part of the name) and `path` (what is before, empty at the root). Interfaces are seen
 * from the unikernel: `receive` is what came from the host.
 *
 * @module
 */
import { type ByteString, toDisplay } from "../../core/byte-string.ts";
import type { Name } from "../../core/name.ts";
import type { InterfaceData, Statistics, TimeValue } from "../../core/statistics.ts";
import type { Labels, MetricFamily, MetricSample } from "./family.ts";

/** A unikernel and what was measured of it. */
export interface MeasuredUnikernel {
  readonly name: Name;
  readonly statistics: Statistics;
}

/** Labels of a unikernel. */
export function unikernelLabels(name: Name): Labels {
  return { path: name.path.join(":"), unikernel: name.label ?? "" };
}

const text = (bytes: ByteString) => toDisplay(bytes);
const unsigned = (value: bigint) => BigInt.asUintN(64, value);
const seconds = ({ seconds, microseconds }: TimeValue) => Number(seconds) + Number(microseconds) / 1e6;

type Draft = Omit<MetricFamily, "samples">;
type Measure = (of: MeasuredUnikernel, labels: Labels) => readonly MetricSample[];

const value = (labels: Labels, amount: number | bigint): MetricSample[] => [{ labels, value: amount }];

/** One family for a number of every interface. */
function ofInterfaces(
  name: string,
  help: string,
  pick: (data: InterfaceData) => bigint,
  unit?: "bytes",
): readonly [Draft, Measure] {
  return [
    { name: `albatross_unikernel_network_${name}`, type: "counter", help, ...(unit === undefined ? {} : { unit }) },
    ({ statistics }, labels) =>
      statistics.interfaces.map((data) => ({
        labels,
        more: { device: text(data.bridge) },
        value: unsigned(pick(data)),
      })),
  ];
}

/** All families, in their order; `pageSize` in bytes. */
function families(pageSize: number): readonly (readonly [Draft, Measure])[] {
  const pages = (count: bigint) => unsigned(count) * BigInt(pageSize);
  return [
    [
      {
        name: "albatross_unikernel_cpu_seconds",
        type: "counter",
        unit: "seconds",
        help: "CPU time of the process that runs the unikernel.",
      },
      ({ statistics: { resourceUsage } }, labels) => [
        { labels, more: { mode: "user" }, value: seconds(resourceUsage.utime) },
        { labels, more: { mode: "system" }, value: seconds(resourceUsage.stime) },
      ],
    ],
    [
      {
        name: "albatross_unikernel_resident_memory_bytes",
        type: "gauge",
        unit: "bytes",
        help: "Resident memory of the process that runs the unikernel.",
      },
      ({ statistics: { memory } }, labels) => (memory === undefined ? [] : value(labels, pages(memory.rss))),
    ],
    [
      {
        name: "albatross_unikernel_virtual_memory_bytes",
        type: "gauge",
        unit: "bytes",
        help: "Virtual memory of the process that runs the unikernel.",
      },
      ({ statistics: { memory } }, labels) => (memory === undefined ? [] : value(labels, unsigned(memory.vsize))),
    ],
    [
      {
        name: "albatross_unikernel_process_start_time_seconds",
        type: "gauge",
        unit: "seconds",
        help: "When the process started, seconds since 1970.",
      },
      ({ statistics: { memory } }, labels) => (memory === undefined ? [] : value(labels, seconds(memory.start))),
    ],
    [
      { name: "albatross_unikernel_page_faults", type: "counter", help: "Page faults of the process." },
      ({ statistics: { resourceUsage } }, labels) => [
        { labels, more: { kind: "minor" }, value: unsigned(resourceUsage.minflt) },
        { labels, more: { kind: "major" }, value: unsigned(resourceUsage.majflt) },
      ],
    ],
    [
      { name: "albatross_unikernel_context_switches", type: "counter", help: "Context switches of the process." },
      ({ statistics: { resourceUsage } }, labels) => [
        { labels, more: { kind: "voluntary" }, value: unsigned(resourceUsage.nvcsw) },
        { labels, more: { kind: "involuntary" }, value: unsigned(resourceUsage.nivcsw) },
      ],
    ],
    ofInterfaces("receive_bytes", "Bytes that the unikernel received.", (data) => data.outputBytes, "bytes"),
    ofInterfaces("transmit_bytes", "Bytes that the unikernel sent.", (data) => data.inputBytes, "bytes"),
    ofInterfaces("receive_packets", "Packets that the unikernel received.", (data) => data.outputPackets),
    ofInterfaces("transmit_packets", "Packets that the unikernel sent.", (data) => data.inputPackets),
    ofInterfaces("receive_errors", "Errors on the way to the unikernel.", (data) => data.outputErrors),
    ofInterfaces("transmit_errors", "Errors on the way from the unikernel.", (data) => data.inputErrors),
    ofInterfaces("receive_drops", "Packets to the unikernel that were dropped.", (data) => data.outputDropped),
    ofInterfaces("transmit_drops", "Packets from the unikernel that were dropped.", (data) => data.inputDropped),
    [
      {
        name: "albatross_unikernel_hypervisor_events",
        type: "counter",
        help: "Counters of the hypervisor, under its own names.",
      },
      ({ statistics: { hypervisor = [] } }, labels) =>
        hypervisor.map(({ key, value: count }) => ({
          labels,
          more: { counter: text(key) },
          value: unsigned(count),
        })),
    ],
  ];
}

/**
 * The metrics of all unikernels.
 *
 * @param pageSize bytes: some statistics count pages (stats.md 5)
 */
export function unikernelFamilies(unikernels: readonly MeasuredUnikernel[], pageSize: number): readonly MetricFamily[] {
  const labelled = unikernels.map((unikernel) => ({ unikernel, labels: unikernelLabels(unikernel.name) }));
  return families(pageSize).map(([draft, measure]) => ({
    ...draft,
    samples: labelled.flatMap(({ unikernel, labels }) => measure(unikernel, labels)),
  }));
}
