/**
 * What systemd hands to a service and wants to hear from it (daemon.md 3).
 *
 * @module
 */
import { fstatSync } from "node:fs";
import { sendDatagram } from "../runtime/datagram.ts";
import { closeOnExec, isListening } from "../runtime/descriptor.ts";
import { SystemError } from "../runtime/system-error.ts";

/** The first descriptor that is passed on activation. */
const FIRST_DESCRIPTOR = 3;

/** The socket that systemd should have passed is not there. The text is the original's. */
export class SystemdError extends Error {
  override readonly name = "SystemdError";

  constructor(cause?: unknown) {
    super("Systemd socket activation error", cause === undefined ? undefined : { cause });
  }
}

/**
 * Takes the one listening socket that systemd passed to this process. It becomes close-on-exec, and the variables are
 * removed from the environment, so that it can be taken only once, and not by another program.
 *
 * @returns the descriptor
 * @throws {SystemdError} unless exactly one listening socket was passed to this very process
 */
export function takeSystemdSocket(environment: NodeJS.ProcessEnv = process.env): number {
  const { LISTEN_PID: pid, LISTEN_FDS: count } = environment;
  for (const key of ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"]) delete environment[key];
  if (pid !== String(process.pid) || count !== "1") throw new SystemdError();
  try {
    if (!fstatSync(FIRST_DESCRIPTOR).isSocket() || !isListening(FIRST_DESCRIPTOR)) throw new SystemdError();
    closeOnExec(FIRST_DESCRIPTOR);
  } catch (error) {
    throw error instanceof SystemdError ? error : new SystemdError(error);
  }
  return FIRST_DESCRIPTOR;
}

/**
 * Tells systemd the state of this service, e.g. `READY=1`, `STOPPING=1`, `STATUS=…`; several are separated by newlines.
 *
 * @returns `false` if systemd does not want to know
 * @throws {SystemError} if it cannot be told
 */
export function notifySystemd(state: string, environment: NodeJS.ProcessEnv = process.env): boolean {
  const { NOTIFY_SOCKET: path } = environment;
  if (path === undefined || path === "") return false;
  sendDatagram(path, state);
  return true;
}

/** Tells systemd that this service is ending, which goes on also where systemd cannot be told: there is more to end. */
export function notifyStopping(): void {
  try {
    notifySystemd("STOPPING=1");
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
  }
}

/** Microseconds in a millisecond. */
const MICROSECONDS = 1000;

/**
 * Tells systemd again and again that this service is alive, if its unit has a `WatchdogSec=`: twice in that time, from
 * the event loop, so that a program that hangs is seen.
 *
 * @returns what ends it; `undefined` if systemd does not want to know
 */
export function feedWatchdog(environment: NodeJS.ProcessEnv = process.env): (() => void) | undefined {
  const { WATCHDOG_USEC: time, WATCHDOG_PID: pid } = environment;
  for (const key of ["WATCHDOG_USEC", "WATCHDOG_PID"]) delete environment[key]; // not for children
  const interval = Number(time) / MICROSECONDS / 2;
  if (!(interval >= 1) || (pid !== undefined && pid !== String(process.pid))) return undefined;
  const timer = setInterval(() => {
    try {
      notifySystemd("WATCHDOG=1", environment);
    } catch {
      // systemd is being replaced, say; if it is gone for good, nobody watches
    }
  }, interval);
  return () => clearInterval(timer);
}
