/**
 * Process descriptors of Linux (5.3 and later): a handle on one process that a reused process id cannot divert.
 *
 * @module
 */
import { closeDescriptor } from "./descriptor.ts";
import { errno, libcNames, openLibrary } from "./ffi.ts";
import type { ProcessIdentity } from "./process-identity.ts";
import { SystemError } from "./system-error.ts";

// These numbers are the same on all architectures.
const SYS_PIDFD_SEND_SIGNAL = 424;
const SYS_PIDFD_OPEN = 434;
const [EINTR, ESRCH, ECHILD, ENOSYS] = [4, 3, 10, 38];

interface Calls {
  open(number: number, pid: number, flags: number): number;
  sendSignal(number: number, descriptor: number, signal: number, information: number, flags: number): number;
  waitid(kind: number, descriptor: number, information: Uint8Array, options: number, usage: number): number;
}

let loaded: Calls | undefined;

function calls(): Calls {
  if (loaded === undefined) {
    const opener = openLibrary(libcNames, { syscall: { args: ["i64", "i32", "u32"], returns: "i32" } });
    const sender = openLibrary(libcNames, {
      syscall: { args: ["i64", "i32", "i32", "pointer", "u32"], returns: "i32" },
      waitid: { args: ["i32", "u32", "buffer", "i32", "pointer"], returns: "i32" },
    });
    loaded = { open: opener.syscall, sendSignal: sender.syscall, waitid: sender.waitid };
  }
  return loaded;
}

/**
 * Opens a descriptor (close-on-exec) for exactly this process; the caller closes it.
 *
 * @param exists tells whether the process is the one that is meant: `isAlive`, or `isAliveOrZombie`
 * @returns `undefined` if it does not exist (any more)
 * @throws {SystemError} e.g. with too many open files
 */
export function openPidfd(
  identity: ProcessIdentity,
  exists: (identity: ProcessIdentity) => boolean,
): number | undefined {
  if (!exists(identity)) return undefined;
  const descriptor = calls().open(SYS_PIDFD_OPEN, identity.pid, 0);
  if (descriptor < 0) {
    const code = errno();
    if (code === ESRCH) return undefined;
    const advice = code === ENOSYS ? "Linux 5.3 or later is needed" : undefined;
    throw new SystemError(`Cannot watch process ${identity.pid}`, code, advice);
  }
  // The id may have been reused before the descriptor was made; from now on it cannot be any more.
  let same = false;
  try {
    same = exists(identity);
  } finally {
    if (!same) closeDescriptor(descriptor);
  }
  return same ? descriptor : undefined;
}

/**
 * Sends a signal to the process of a descriptor. Signal 0 only asks whether it could be sent.
 *
 * @returns `false` if the process has ended and has been reaped
 * @throws {SystemError} if it is not permitted, or there is no such signal
 */
export function signalPidfd(descriptor: number, signal: number): boolean {
  if (calls().sendSignal(SYS_PIDFD_SEND_SIGNAL, descriptor, signal, 0, 0) === 0) return true;
  const code = errno();
  if (code === ESRCH) return false;
  throw new SystemError(`Cannot send signal ${signal} to a process`, code);
}

/**
 * Reaps an ended child of this process that its runtime does not know: one started before this program replaced itself
 * by `execve`. Never use it on a child that the runtime started.
 *
 * @returns the status, or `undefined` if it is not our child
 * @throws {SystemError} if waiting fails in another way
 */
export function reapPidfd(
  descriptor: number,
): { readonly kind: "exit"; readonly code: number } | { readonly kind: "signal"; readonly signal: number } | undefined {
  const [P_PIDFD, WNOHANG, WEXITED, CLD_EXITED] = [3, 1, 4, 1];
  const information = new Uint8Array(128); // siginfo_t
  let code = EINTR;
  while (code === EINTR) {
    code = calls().waitid(P_PIDFD, descriptor, information, WEXITED | WNOHANG, 0) === 0 ? 0 : errno();
  }
  if (code === ECHILD) return undefined;
  if (code !== 0) throw new SystemError("Cannot ask for the exit status of a process", code);
  const view = new DataView(information.buffer);
  if (view.getInt32(0, true) === 0) return undefined; // it has not ended
  const [how, status] = [view.getInt32(8, true), view.getInt32(24, true)];
  return how === CLD_EXITED ? { kind: "exit", code: status } : { kind: "signal", signal: status };
}
