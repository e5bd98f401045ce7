/**
 * Log lines to the local syslog.
 *
 * @module
 */
import { sendDatagram } from "../../runtime/datagram.ts";
import { SystemError } from "../../runtime/system-error.ts";
import type { LogOutput } from "./log.ts";

/** Where the local syslog listens. */
export const SYSLOG_SOCKET: string = process.platform === "linux" ? "/dev/log" : "/var/run/log";

/** The longest text of a line, bytes; the rest is cut off, since every syslog cuts somewhere. */
export const SYSLOG_LINE_MAX = 1024;

/** The facility of daemons. */
const FACILITY = 3 << 3;

const severities: Readonly<Record<string, number>> = { ERROR: 3, WARNING: 4, INFO: 6, DEBUG: 7 };

/** There is no local syslog. */
export class SyslogError extends Error {
  override readonly name = "SyslogError";
}

const line = /^[^:]*: \[(\w+)\] ([\s\S]*)\n$/;

/**
 * An output for `createLog` that sends every line to the local syslog. Lines that cannot be sent while it is restarted
 * are counted, and their number is sent with the next one.
 *
 * @throws {SyslogError} if nobody listens there
 */
export function openSyslog(program: string, socket: string = SYSLOG_SOCKET): LogOutput {
  let lost = 0;
  const send = (severity: number, text: string) => {
    const datagram = `<${FACILITY + severity}>${program}[${process.pid}]: ${text.slice(0, SYSLOG_LINE_MAX)}`;
    sendDatagram(socket, datagram, { wait: lost === 0 }); // one that did not take the last line is not waited for again
  };
  try {
    send(severities["DEBUG"] ?? 7, "log opened");
  } catch (cause) {
    if (cause instanceof SystemError) throw new SyslogError(cause.message, { cause });
    throw cause;
  }
  return {
    writableLength: 0,
    write(written) {
      const [, tag = "INFO", text = written] = line.exec(written) ?? [];
      try {
        if (lost > 0) {
          send(4, `${lost} log lines were lost: syslog did not take them`);
          lost = 0;
        }
        send(severities[tag] ?? 6, text);
      } catch (error) {
        if (!(error instanceof SystemError)) throw error;
        lost++;
      }
    },
  };
}
