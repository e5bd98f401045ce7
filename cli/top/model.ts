/**
 * What `top` knows: unikernels and how they are doing, with rates from one sample to the next.
 *
 * @module
 */
import type { UnikernelStatus } from "../../client/status.ts";
import type { Name } from "../../core/name.ts";
import type { Statistics, TimeValue } from "../../core/statistics.ts";
import type { UnikernelInfo } from "../../core/unikernel.ts";
import type { SortKey } from "../values/sort-key.ts";

/** Processor loads that are remembered of each unikernel, for its curve. */
export const HISTORY_MAX = 12;

/** Unikernels that are shown at most. */
export const ROWS_MAX = 10_000;

/**
 * Bytes of a page, in which the statistics count memory: the same on every host that this protocol is known to run on
 * (x86-64; arm64 with the usual 4 KiB).
 */
const PAGE_BYTES = 4096;

/** Samples within so many seconds come together because they were held up: there is an interval of a second at least. */
const TOGETHER_S = 0.5;

/** A unikernel as it is shown. `undefined` stands for what is not known (yet). */
export interface Row {
  readonly name: string;
  readonly state: string;
  /** Why it is not running. */
  readonly reason: string | undefined;
  /** Load of processors: 1 is one of them, busy all the time. */
  readonly cpu: number | undefined;
  /** The latest loads, oldest first. */
  readonly history: readonly number[];
  /** Bytes that are resident. */
  readonly memory: number | undefined;
  /** Bytes that were assigned. */
  readonly assigned: number | undefined;
  /** Bytes per second that it received, and sent. */
  readonly received: number | undefined;
  readonly sent: number | undefined;
  readonly restarts: number | undefined;
  /** When it was started: milliseconds since 1970. */
  readonly started: number | undefined;
}

interface Reading {
  /** Seconds. */
  readonly at: number;
  readonly cpuSeconds: number;
  readonly received: bigint;
  readonly sent: bigint;
}

interface Known {
  info: UnikernelInfo | undefined;
  status: UnikernelStatus | undefined;
  reading: Reading | undefined;
  /** The reading that the latest rates begin with. */
  before: Reading | undefined;
  measured: Pick<Row, "cpu" | "memory" | "received" | "sent">;
  history: number[];
}

const seconds = ({ seconds, microseconds }: TimeValue) => Number(seconds) + Number(microseconds) / 1e6;
const unsigned = (value: bigint) => BigInt.asUintN(64, value);
const nothing: Known["measured"] = { cpu: undefined, memory: undefined, received: undefined, sent: undefined };

function read({ resourceUsage, interfaces }: Statistics, at: number): Reading {
  let received = 0n;
  let sent = 0n;
  for (const { outputBytes, inputBytes } of interfaces) {
    received += unsigned(outputBytes); // the host's output is the unikernel's input
    sent += unsigned(inputBytes);
  }
  return { at, cpuSeconds: seconds(resourceUsage.utime) + seconds(resourceUsage.stime), received, sent };
}

/** Growth per second; `undefined` if it shrank: it is another process now. */
function rate(before: number | bigint, after: number | bigint, time: number): number | undefined {
  const growth = Number(after) - Number(before);
  return growth < 0 || time <= 0 ? undefined : growth / time;
}

function ofKey(row: Row, key: Exclude<SortKey, "name">): number {
  switch (key) {
    case "cpu":
      return row.cpu ?? -1;
    case "memory":
      return row.memory ?? row.assigned ?? -1;
    case "network":
      return (row.received ?? 0) + (row.sent ?? 0);
    case "restarts":
      return row.restarts ?? -1;
    case "uptime":
      return row.started === undefined ? -1 : -row.started;
  }
}

/** Unikernels as they are known at present. */
export class TopModel {
  readonly #known = new Map<string, Known>();

  /** Takes over which unikernels there are, and how they are doing if that is told. */
  list(
    unikernels: readonly { readonly name: Name; readonly info: UnikernelInfo }[],
    status: readonly UnikernelStatus[] | undefined,
  ): void {
    const present = new Set<string>();
    for (const { name, info } of unikernels.slice(0, ROWS_MAX)) {
      present.add(name.text);
      const known = this.#of(name.text);
      known.info = info;
      known.status = status?.find((each) => each.name === name.text);
    }
    for (const name of this.#known.keys()) if (!present.has(name)) this.#known.delete(name);
  }

  /** Takes over a sample. `at`: seconds, of a clock that never goes back. */
  sample(name: Name, statistics: Statistics, at: number): void {
    const known = this.#known.get(name.text);
    if (known === undefined) return; // it has ended, or is about to be listed
    const reading = read(statistics, at);
    const together = known.reading !== undefined && at - known.reading.at < TOGETHER_S;
    const before = together ? known.before : known.reading;
    known.before = before;
    known.reading = reading;
    const { memory } = statistics;
    const time = before === undefined ? 0 : reading.at - before.at;
    const cpu = before === undefined ? undefined : rate(before.cpuSeconds, reading.cpuSeconds, time);
    known.measured = {
      cpu,
      memory: memory === undefined ? undefined : Number(unsigned(memory.rss)) * PAGE_BYTES,
      received: before === undefined ? undefined : rate(before.received, reading.received, time),
      sent: before === undefined ? undefined : rate(before.sent, reading.sent, time),
    };
    const past = together ? known.history.slice(0, -1) : known.history;
    if (cpu !== undefined) known.history = [...past, cpu].slice(-HISTORY_MAX);
  }

  #of(name: string): Known {
    let known = this.#known.get(name);
    if (known === undefined) {
      const unknown = { info: undefined, status: undefined, reading: undefined, before: undefined };
      known = { ...unknown, measured: nothing, history: [] };
      this.#known.set(name, known);
    }
    return known;
  }

  /** Everything, sorted: the largest first, names in their order. */
  rows(key: SortKey): readonly Row[] {
    const rows = [...this.#known].map(([name, known]) => row(name, known));
    rows.sort((a, b) => (a.name < b.name ? -1 : 1));
    if (key !== "name") rows.sort((a, b) => ofKey(b, key) - ofKey(a, key));
    return rows;
  }
}

function row(name: string, { info, status, measured, history }: Known): Row {
  const running = status === undefined || status.state === "running";
  return {
    name,
    state: status?.state ?? (info === undefined ? "?" : "running"),
    reason: status?.reason,
    ...(running ? measured : nothing),
    history: running ? history : [],
    assigned: info === undefined ? undefined : Number(info.memory) * 2 ** 20,
    restarts: status?.restarts,
    started: info === undefined || !running ? undefined : info.started,
  };
}
