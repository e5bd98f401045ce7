/**
 * A sink that sends each event to the local syslog, in the form of RFC 5424.
 *
 * @module
 */
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { formatEventForSyslog } from "../../core/log/syslog.ts";
import { sendDatagram } from "../../runtime/datagram.ts";
import { SystemError } from "../../runtime/system-error.ts";
import type { EventSink, SinkEvent } from "../event-sink.ts";

/** Where the local syslog listens. */
const SOCKET = process.platform === "linux" ? "/dev/log" : "/var/run/log";

/** Milliseconds until a syslog whose queue is full is tried again, and attempts for one event. */
const FULL_PAUSE_MS = 10;
const FULL_ATTEMPTS = 50;

/** What the system says of a full queue: Linux, others. */
const fullCodes: ReadonlySet<string> = new Set(["EAGAIN", "ENOBUFS"]);

async function send(socket: string, text: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return sendDatagram(socket, text, { wait: false }); // which would make everybody wait
    } catch (error) {
      if (attempt === FULL_ATTEMPTS || !(error instanceof SystemError && fullCodes.has(error.code))) throw error;
    }
    await sleep(FULL_PAUSE_MS);
  }
}

/** @param target the socket; that of the system if it is empty */
export function syslogSink(target: string): EventSink {
  const socket = target === "" ? SOCKET : target;
  const sender = { host: hostname(), program: "albatross-log", pid: process.pid };
  let last: SinkEvent | undefined;
  return {
    name: `syslog:${socket}`,
    async write(events) {
      // After a failure it goes on where it was: a queue is often as short as ten, and nothing would come behind these.
      for (const event of events.slice(events.findIndex((each) => each === last) + 1)) {
        await send(socket, formatEventForSyslog(event, event.cursor, sender));
        last = event;
      }
    },
    close: async () => undefined,
  };
}
