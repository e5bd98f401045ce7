/**
 * Events of the log as messages of syslog (RFC 5424).
 *
 * @module
 */
import { describeEvent } from "../print/log.ts";
import { type LogEvent, subjectOf, type TimedEvent } from "./event.ts";

/** Who sends messages. */
export interface SyslogSender {
  readonly host: string;
  readonly program: string;
  readonly pid: number;
}

/** The longest text of a message, in characters: what every receiver takes (RFC 5424, 6.1). */
export const SYSLOG_TEXT_MAX = 1800;

/** The longest name of a host in a message. */
const HOST_MAX = 255;

/** The facility of daemons. */
const FACILITY = 3 << 3;

/** The private enterprise of our structured data: the one of the certificates' extensions. */
const ENTERPRISE = 49_836;

function severityOf({ kind }: LogEvent): number {
  switch (kind) {
    case "refused":
    case "revoked":
    case "lost":
    case "unikernel-failed":
      return 4; // warning
    case "unikernel-waiting":
    case "unikernel-stopped":
    case "daemon-stopped":
      return 5; // notice
    default:
      return 6; // informational
  }
}

/** A message without frame: `<30>1 TIME HOST PROGRAM PID KIND [albatross@49836 …] text`, in ASCII. */
export function formatEventForSyslog(
  { timestamp, event }: TimedEvent,
  cursor: string | undefined,
  { host, program, pid }: SyslogSender,
): string {
  const priority = FACILITY + severityOf(event);
  const time = new Date(timestamp).toISOString();
  const from = host.replace(/[^!-~]/g, "").slice(0, HOST_MAX) || "-";
  const place = cursor === undefined ? "" : ` cursor="${cursor}"`;
  // Names have no character that would need an escape there.
  const data = `[albatross@${ENTERPRISE} name="${subjectOf(event).text}"${place}]`;
  const text = describeEvent(event).slice(0, SYSLOG_TEXT_MAX);
  return `<${priority}>1 ${time} ${from} ${program} ${pid} ${event.kind} ${data} ${text}`;
}
