/**
 * A source of statistics of a plugin, as albatross-stats can use it without harm.
 *
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import { type Collector, CollectorError, type CollectorFailure, type CollectorSource } from "../backends/collector.ts";
import { Name } from "../core/name.ts";
import type { Statistics } from "../core/statistics.ts";
import { decodeMessage, encodeMessage } from "../core/wire/message-codec.ts";
import { type Guard, PluginFault, thrownText } from "./guard.ts";

const reasons: readonly CollectorFailure[] = ["gone", "refused", "unavailable", "failed"];

function failureOf(error: unknown): CollectorError {
  const cause = error instanceof PluginFault ? error.cause : undefined;
  // By its name: the plugin has not the class that is meant, but at best one of its own.
  if (cause instanceof Error && cause.name === "CollectorError" && "reason" in cause) {
    const reason = reasons.find((known) => known === cause.reason);
    if (reason !== undefined) return new CollectorError(cause.message, reason, cause);
  }
  return new CollectorError(thrownText(error), "failed", error);
}

const time = { seconds: 0n, microseconds: 0 };
const nothing: Statistics["resourceUsage"] = {
  ...{ utime: time, stime: time, maxrss: 0n, ixrss: 0n, idrss: 0n, isrss: 0n, minflt: 0n, majflt: 0n, nswap: 0n },
  ...{ inblock: 0n, outblock: 0n, msgsnd: 0n, msgrcv: 0n, nsignals: 0n, nvcsw: 0n, nivcsw: 0n },
};

/** What cannot be said on the wire would cost all other unikernels their statistics. @throws */
function checkSample(sample: Partial<Statistics>): void {
  const { resourceUsage = nothing, interfaces = [], hypervisor, memory } = sample;
  const statistics = { resourceUsage, interfaces, hypervisor, memory };
  const header = { sequence: 0n, name: Name.root };
  const message = encodeMessage({ header, payload: { kind: "data", data: { kind: "statistics", statistics } } });
  const { payload } = decodeMessage(message);
  // Each number is what it was: what had another type came out as something else.
  const same = payload.kind === "data" && payload.data.kind === "statistics" && payload.data.statistics;
  if (!isDeepStrictEqual(same, statistics)) throw new TypeError("its sample has values of wrong types");
}

function guardCollector(guard: Guard, collector: Collector): Collector {
  return {
    sample() {
      try {
        return guard.call("measure", () => {
          const sample = collector.sample();
          checkSample(sample);
          return sample;
        });
      } catch (error) {
        throw failureOf(error);
      }
    },
    close: () => guard.attempt("close a collector", () => collector.close(), undefined),
  };
}

/** The source, with everything that goes wrong in it as a {@link CollectorError}. */
export function guardCollectorSource(guard: Guard, source: CollectorSource): CollectorSource {
  return {
    interfaceVersion: source.interfaceVersion,
    name: source.name,
    open(target) {
      try {
        return guardCollector(
          guard,
          guard.call("open a collector", () => source.open(target)),
        );
      } catch (error) {
        throw failureOf(error);
      }
    },
  };
}
