/**
 * What a daemon is doing, as metrics with the label `daemon`.
 *
 * @module
 */
import type { MetricFamily } from "./family.ts";

/** Numbers of the daemon's own process. */
export interface ProcessNumbers {
  readonly cpuSeconds: { readonly user: number; readonly system: number };
  readonly residentBytes: number;
  /** `undefined` where the system does not tell. */
  readonly openDescriptors: number | undefined;
  /** Seconds since 1970. */
  readonly startedAt: number;
}

/** What every daemon tells. */
export interface DaemonNumbers {
  readonly version: string;
  readonly process: ProcessNumbers;
  /** By kind: `unix`, `tls`, `fifo`. */
  readonly connections: Readonly<Record<string, { readonly active: number; readonly total: number }>>;
  /** Lengths of queues, by name. */
  readonly queues: Readonly<Record<string, number>>;
  /** Things that were dropped because a queue was full, by the name of the queue. */
  readonly dropped?: Readonly<Record<string, number>>;
}

/** The metrics of one daemon. */
export function daemonFamilies(daemon: string, numbers: DaemonNumbers): readonly MetricFamily[] {
  const { version, process, connections, queues, dropped = {} } = numbers;
  const each = (record: Readonly<Record<string, number>>, label: string) =>
    Object.entries(record).map(([name, value]) => ({ labels: { daemon, [label]: name }, value }));
  const labels = { daemon };
  return [
    {
      name: "albatross_build",
      type: "info",
      help: "The version of the daemon.",
      samples: [{ labels: { daemon, version }, value: 1 }],
    },
    {
      name: "albatross_daemon_cpu_seconds",
      type: "counter",
      unit: "seconds",
      help: "CPU time of the daemon.",
      samples: each(process.cpuSeconds, "mode"),
    },
    {
      name: "albatross_daemon_resident_memory_bytes",
      type: "gauge",
      unit: "bytes",
      help: "Resident memory of the daemon.",
      samples: [{ labels, value: process.residentBytes }],
    },
    {
      name: "albatross_daemon_open_descriptors",
      type: "gauge",
      help: "Open file descriptors of the daemon.",
      samples: process.openDescriptors === undefined ? [] : [{ labels, value: process.openDescriptors }],
    },
    {
      name: "albatross_daemon_start_time_seconds",
      type: "gauge",
      unit: "seconds",
      help: "When the daemon started, seconds since 1970.",
      samples: [{ labels, value: process.startedAt }],
    },
    {
      name: "albatross_connections",
      type: "gauge",
      help: "Open connections.",
      samples: Object.entries(connections).map(([kind, { active }]) => ({ labels: { daemon, kind }, value: active })),
    },
    {
      name: "albatross_connections_accepted",
      type: "counter",
      help: "Connections since the start of the daemon.",
      samples: Object.entries(connections).map(([kind, { total }]) => ({ labels: { daemon, kind }, value: total })),
    },
    {
      name: "albatross_queue_length",
      type: "gauge",
      help: "What waits in a queue.",
      samples: each(queues, "queue"),
    },
    {
      name: "albatross_queue_dropped",
      type: "counter",
      help: "What was dropped since a queue was full.",
      samples: each(dropped, "queue"),
    },
  ];
}
