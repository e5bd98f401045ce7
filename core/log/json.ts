/**
 * Events of the log as JSON: what the client prints and sinks write, one object for each.
 *
 * Every object has `kind` (`log-event`, or `log-caught-up`), `cursor`, `host` (whom it is about), `time` and `event`;
 * the further fields are those of the event. Integers beyond ±(2^53 − 1) are strings, times RFC 3339 with milliseconds,
 * what is absent is null.
 *
 * @module
 */
import { type ByteString, toDisplay } from "../byte-string.ts";
import { formatAddress } from "../ip-address.ts";
import { type Json, type JsonObject, jsonInt, jsonPolicy, jsonTime } from "../print/json.ts";
import { type LogEvent, subjectOf, type TimedEvent } from "./event.ts";

function pairs(values: readonly (readonly [ByteString, string])[], as: string): Json {
  return values.map(([device, value]) => ({ device: toDisplay(device), [as]: value }));
}

function fields(event: LogEvent): JsonObject {
  switch (event.kind) {
    case "login":
    case "logout":
      return { address: formatAddress(event.address), port: event.port };
    case "refused":
      return { address: formatAddress(event.address), port: event.port, reason: toDisplay(event.reason) };
    case "revoked": {
      const { address, port, number, destroyed } = event;
      const list = number === undefined ? null : jsonInt(number);
      return { address: formatAddress(address), port, number: list, destroyed: jsonInt(destroyed) };
    }
    case "daemon-started":
    case "daemon-stopped":
      return { daemon: toDisplay(event.daemon), pid: jsonInt(event.pid), detail: toDisplay(event.detail) };
    case "unikernel-started":
    case "unikernel-adopted":
      return {
        digest: event.digest.toHex(),
        pid: jsonInt(event.pid),
        taps: pairs(
          event.taps.map(({ device, tap }) => [device, toDisplay(tap)]),
          "tap",
        ),
        blocks: pairs(
          event.blocks.map(({ device, block }) => [device, block.text]),
          "block",
        ),
      };
    case "unikernel-stopped": {
      const { end } = event;
      return {
        digest: event.digest === undefined ? null : event.digest.toHex(),
        pid: jsonInt(event.pid),
        end: end.kind,
        status: end.kind === "exit" ? end.code : end.kind === "unknown" ? null : end.signal,
        durationMs: event.duration === undefined ? null : jsonInt(event.duration),
      };
    }
    case "unikernel-admitted":
      return { digest: event.digest.toHex(), memoryMb: jsonInt(event.memory) };
    case "unikernel-waiting":
    case "unikernel-failed":
      return { until: jsonTime(event.until), reason: toDisplay(event.reason), failures: jsonInt(event.failures) };
    case "unikernel-ended":
      return { status: toDisplay(event.status) };
    case "policy-added":
      return { policy: { ...jsonPolicy(event.policy), bridges: event.policy.bridges.map(toDisplay) } };
    case "block":
      return { action: toDisplay(event.action), sizeMb: event.size === undefined ? null : jsonInt(event.size) };
    case "lost":
      return { source: toDisplay(event.source), count: jsonInt(event.count) };
    case "startup":
    case "hup":
    case "caught-up":
    case "unikernel-removed":
    case "policy-removed":
      return {};
  }
}

/** An event as its object. */
export function eventToJson({ timestamp, event }: TimedEvent, cursor: string | null): JsonObject {
  const time = jsonTime(timestamp);
  if (event.kind === "caught-up") return { kind: "log-caught-up", cursor, time };
  return { kind: "log-event", cursor, host: subjectOf(event).text, time, event: event.kind, ...fields(event) };
}
