/**
 * A sink that sends each event to the local syslog, in the form of RFC 5424.
 *
 * @module
 */
import { hostname } from "node:os";
import { formatEventForSyslog } from "../../core/log/syslog.ts";
import { sendDatagram } from "../../runtime/datagram.ts";
import type { EventSink } from "../event-sink.ts";

/** Where the local syslog listens. */
const SOCKET = process.platform === "linux" ? "/dev/log" : "/var/run/log";

/** @param target the socket; that of the system if it is empty */
export function syslogSink(target: string): EventSink {
  const socket = target === "" ? SOCKET : target;
  const sender = { host: hostname(), program: "albatross-log", pid: process.pid };
  return {
    name: `syslog:${socket}`,
    async write(events) {
      // A syslog that does not keep up makes this fail: it is tried again, and nobody waits meanwhile.
      for (const event of events)
        sendDatagram(socket, formatEventForSyslog(event, event.cursor, sender), { wait: false });
    },
    close: async () => undefined,
  };
}
