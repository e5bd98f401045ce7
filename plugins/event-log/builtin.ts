/**
 * The sinks that are part of the program.
 *
 * @module
 */
import type { SinkKind } from "../event-sink.ts";
import { jsonLinesSink } from "./json-lines.ts";
import { syslogSink } from "./syslog.ts";

/** By name. */
export const builtinSinks: ReadonlyMap<string, SinkKind> = new Map([
  ["json-lines", { placeholder: "FILE", help: "an object on a line for each event", make: jsonLinesSink }],
  ["syslog", { placeholder: "[SOCKET]", help: "RFC 5424, to the local syslog", make: syslogSink }],
]);
