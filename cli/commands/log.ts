/**
 * Definition of `albatross-client log`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { daemonOptions } from "../options/daemon.ts";
import { nameOption } from "../options/name.ts";

export const log = defineCommand({
  name: "log",
  summary: "show what has happened on a host",
  description: [
    "Shows past events of albatross-log, then new ones as they come, until it is interrupted: unikernels that were created, started, ended or removed, policies, block devices, and clients of the TLS endpoint. Of everything, of what is below a path, or of one name.",
    "Each event has a cursor, which --json prints: with --cursor it goes on exactly behind it, whatever was restarted meanwhile. Where events are missing, since the log keeps them within limits, a line says so.",
    "With --json each event is one object on a line, and one of the kind log-caught-up follows the last past event.",
    "From afar it needs an endpoint of this project.",
  ],
  examples: [
    { line: "log", doc: "The last 20 events and everything new." },
    { line: "log -n foo: --since=2026-11-01 --no-follow", doc: "What happened below the path foo since then." },
    { line: "log --json --count=0", doc: "New events only, for scripts." },
    { line: "log --json --cursor=0123456789abcdef.42", doc: "Everything behind the event that was read last." },
  ],
  arguments: {},
  options: {
    ...nameOption,
    since: {
      flags: ["--since"],
      kind: "timestamp",
      docv: "TIME",
      doc: "Past events from this time on: RFC 3339 with an offset, or a date. Wins over --count.",
    },
    count: {
      flags: ["--count"],
      kind: "integer",
      fallback: "20",
      docv: "N",
      doc: "How many past events; none with 0.",
    },
    cursor: {
      flags: ["--cursor"],
      kind: "cursor",
      docv: "CURSOR",
      doc: "Events behind this one. Wins over --since and --count.",
    },
    follow: {
      flags: ["--follow"],
      kind: "flag",
      doc: "Wait for new events, too. This is the default.",
    },
    noFollow: {
      flags: ["--no-follow"],
      kind: "flag",
      doc: "End after the last past event.",
    },
    ...daemonOptions,
  },
});
