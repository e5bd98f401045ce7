/**
 * Statistics as JSON. Fields are called as in `core/statistics.ts`, and have its units.
 *
 * @module
 */
import { type ByteString, toDisplay } from "../core/byte-string.ts";
import { type Int, normalize } from "../core/int.ts";
import type { Statistics, TimeValue } from "../core/statistics.ts";
import { type Json, type JsonObject, jsonBytes, jsonInt, jsonTime } from "./json.ts";

/**
 * `usage` (`utime` and `stime` in seconds), `memory` (or null; `start` is a time), `hypervisor` (counters by name, or
 * null) and `interfaces`.
 */
export function jsonStatistics({ resourceUsage, memory, hypervisor, interfaces }: Statistics): JsonObject {
  return {
    usage: jsonFields(resourceUsage),
    memory: memory === undefined ? null : { ...jsonFields(memory), start: jsonTime(microseconds(memory.start) / 1000) },
    hypervisor:
      hypervisor === undefined
        ? null
        : Object.fromEntries(hypervisor.map(({ key, value }) => [toDisplay(key), jsonInt(normalize(value))])),
    interfaces: interfaces.map(jsonFields),
  };
}

function jsonFields(record: object): JsonObject {
  const fields = Object.entries(record) as readonly (readonly [string, Int | TimeValue | ByteString])[];
  return Object.fromEntries(fields.map(([key, value]) => [key, jsonValue(value)]));
}

function jsonValue(value: Int | TimeValue | ByteString): Json {
  if (typeof value === "string") return jsonBytes(value);
  return typeof value === "object" ? microseconds(value) / 1e6 : jsonInt(normalize(BigInt(value)));
}

/** Exact until the year 2255. */
function microseconds({ seconds, microseconds: rest }: TimeValue): number {
  return Number(seconds) * 1e6 + Number(rest);
}
