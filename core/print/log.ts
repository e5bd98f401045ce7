/**
 * Printed events of the log: old kinds as the original printed them while it had a log (old-names.md 4).
 *
 * @module
 */
import { type ByteString, toBytes } from "../byte-string.ts";
import { formatEndpoint } from "../ip-address.ts";
import { type LogEvent, type LoggedProcess, type Peer, subjectOf, type TimedEvent } from "../log/event.ts";
import type { Name } from "../name.ts";
import type { ProcessEnd } from "../restart.ts";
import { escapeLine } from "./console-line.ts";
import { printPolicy } from "./policy.ts";
import { printTime } from "./time.ts";

/** An event without a line end, in printable ASCII: `2026-11-21T21:11:16-00:00: foo:hello stopped 4711 with exit 0`. */
export function printEvent({ timestamp, event }: TimedEvent): string {
  return `${printTime(timestamp)}: ${describeEvent(event)}`;
}

/** Texts come from whoever reports an event: nothing in them may drive a terminal. */
function safe(text: ByteString): string {
  return escapeLine(toBytes(text));
}

/** What runs, as the original printed it; BHyve machines have no image. */
function running(name: Name, digest: Uint8Array): string {
  return digest.length === 0 ? name.text : `${name.text} (digest: ${digest.toHex()})`;
}

function client({ address, port }: Peer): string {
  return formatEndpoint(address, port);
}

function uses(parts: readonly string[]): string {
  return parts.length === 0 ? "none" : parts.join("; ");
}

function describeProcess(event: LoggedProcess, verb: string): string {
  const taps = event.taps.map(({ device, tap }) => `${safe(device)}=${safe(tap)}`);
  const blocks = event.blocks.map(({ device, block }) => `${safe(device)}=${block.text}`);
  return `${running(event.name, event.digest)} ${verb} ${event.pid} (taps ${uses(taps)}, block ${uses(blocks)})`;
}

function describeEnd(end: ProcessEnd): string {
  if (end.kind === "exit") return `exit ${end.code}`;
  return end.kind === "unknown" ? "an unknown status" : `${end.kind} ${end.signal}`;
}

/** Seconds with a digit behind the point, as people read durations. */
function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

/** An event without its time. */
export function describeEvent(event: LogEvent): string {
  const name = subjectOf(event).text;
  switch (event.kind) {
    case "startup":
    case "hup":
    case "caught-up":
      return event.kind;
    case "login":
    case "logout":
      return `${name} ${event.kind} ${client(event)}`;
    case "refused":
      return `${name} refused ${client(event)}: ${safe(event.reason)}`;
    case "revoked": {
      const number = event.number === undefined ? "without a number" : event.number;
      return `${name} revocation list ${number} by ${client(event)}, ${event.destroyed} unikernels destroyed`;
    }
    case "daemon-started":
    case "daemon-stopped": {
      const what = event.kind === "daemon-started" ? "started, version" : "stopped by";
      return `${safe(event.daemon)} ${event.pid} ${what} ${safe(event.detail)}`;
    }
    case "unikernel-started":
      return describeProcess(event, "started");
    case "unikernel-adopted":
      return describeProcess(event, "adopted");
    case "unikernel-stopped": {
      const after = event.duration === undefined ? "" : ` after ${seconds(Number(event.duration))}`;
      return `${name} stopped ${event.pid} with ${describeEnd(event.end)}${after}`;
    }
    case "unikernel-admitted":
      return `${running(event.name, event.digest)} admitted, ${event.memory} MB`;
    case "unikernel-waiting":
    case "unikernel-failed": {
      const what = event.kind === "unikernel-waiting" ? "ended with" : "failed to start:";
      return `${name} ${what} ${safe(event.reason)}, failure ${event.failures}, next start ${printTime(event.until)}`;
    }
    case "unikernel-ended":
      return `${name} ended with ${safe(event.status)}, not restarted`;
    case "unikernel-removed":
      return `${name} removed`;
    case "policy-added":
      return `${name} policy added: ${safe(printPolicy(event.policy))}`;
    case "policy-removed":
      return `${name} policy removed`;
    case "block":
      return `${name} block ${safe(event.action)}${event.size === undefined ? "" : ` ${event.size} MB`}`;
    case "lost":
      return `${event.count > 0 ? event.count : "an unknown number of"} events lost (${safe(event.source)})`;
  }
}
