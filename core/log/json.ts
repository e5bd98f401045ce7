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
import type { Int } from "../int.ts";
import { formatAddress } from "../ip-address.ts";
import type { Policy } from "../policy.ts";
import { type LogEvent, subjectOf, type TimedEvent } from "./event.ts";

/** A JSON value. */
export type LogJson = string | number | boolean | null | readonly LogJson[] | LogJsonObject;

/** A JSON object. */
export type LogJsonObject = { readonly [key: string]: LogJson };

function integer(value: Int): LogJson {
  return typeof value === "number" ? value : value.toString();
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function instant(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

function policyFields(policy: Policy): LogJsonObject {
  return {
    unikernels: integer(policy.unikernels),
    cpuIds: policy.cpuIds.map(integer),
    memoryMb: integer(policy.memory),
    blockMb: policy.block === undefined ? null : integer(policy.block),
    bridges: policy.bridges.map(toDisplay),
  };
}

function pairs(values: readonly (readonly [ByteString, string])[], as: string): LogJson {
  return values.map(([device, value]) => ({ device: toDisplay(device), [as]: value }));
}

function fields(event: LogEvent): LogJsonObject {
  switch (event.kind) {
    case "login":
    case "logout":
      return { address: formatAddress(event.address), port: event.port };
    case "refused":
      return { address: formatAddress(event.address), port: event.port, reason: toDisplay(event.reason) };
    case "revoked": {
      const { address, port, number, destroyed } = event;
      const list = number === undefined ? null : integer(number);
      return { address: formatAddress(address), port, number: list, destroyed: integer(destroyed) };
    }
    case "daemon-started":
    case "daemon-stopped":
      return { daemon: toDisplay(event.daemon), pid: integer(event.pid), detail: toDisplay(event.detail) };
    case "unikernel-started":
    case "unikernel-adopted":
      return {
        digest: hex(event.digest),
        pid: integer(event.pid),
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
        digest: event.digest === undefined ? null : hex(event.digest),
        pid: integer(event.pid),
        end: end.kind,
        status: end.kind === "exit" ? end.code : end.kind === "unknown" ? null : end.signal,
        durationMs: event.duration === undefined ? null : integer(event.duration),
      };
    }
    case "unikernel-admitted":
      return { digest: hex(event.digest), memoryMb: integer(event.memory) };
    case "unikernel-waiting":
    case "unikernel-failed":
      return { until: instant(event.until), reason: toDisplay(event.reason), failures: integer(event.failures) };
    case "unikernel-ended":
      return { status: toDisplay(event.status) };
    case "policy-added":
      return { policy: policyFields(event.policy) };
    case "block":
      return { action: toDisplay(event.action), sizeMb: event.size === undefined ? null : integer(event.size) };
    case "lost":
      return { source: toDisplay(event.source), count: integer(event.count) };
    case "startup":
    case "hup":
    case "caught-up":
    case "unikernel-removed":
    case "policy-removed":
      return {};
  }
}

/** An event as its object. */
export function eventToJson({ timestamp, event }: TimedEvent, cursor: string | null): LogJsonObject {
  const time = instant(timestamp);
  if (event.kind === "caught-up") return { kind: "log-caught-up", cursor, time };
  return { kind: "log-event", cursor, host: subjectOf(event).text, time, event: event.kind, ...fields(event) };
}
