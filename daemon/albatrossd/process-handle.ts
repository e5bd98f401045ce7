/**
 * A running unikernel's process, whether this albatrossd started it or adopted it.
 *
 * @module
 */
import type { Run } from "../../core/engine/state.ts";
import type { ChildProcess, ExitStatus } from "../../runtime/process.ts";
import { signalProcess, watchProcess } from "../../runtime/process-watch.ts";

/** A process that can be waited for and signalled. */
export interface ProcessHandle {
  /** Resolves when the process has ended; its status is `unknown` for adopted ones. */
  readonly exited: Promise<ExitStatus>;
  /** Sends a signal to exactly this process; one that has ended already is no error. */
  signal(signal: number): void;
}

/** Signals a child of this program by its id, which is its own until it was reaped. One that was is no error. */
export function signalChild({ pid }: ChildProcess, signal: number): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

/** The handle of a child of this program. */
export function ownProcess(child: ChildProcess, run: Run): ProcessHandle {
  let ended = false;
  const exited = child.exited.finally(() => {
    ended = true;
  });
  return {
    exited,
    signal: (signal) => {
      // The child is not reaped before `ended`, but it may be a zombie already: then there is nothing to signal.
      if (ended) return;
      try {
        signalProcess({ pid: run.pid, startTime: run.processStart, bootId: run.bootId }, signal);
      } catch {
        signalChild(child, signal); // making sure takes a descriptor, and there may be none left
      }
    },
  };
}

/** After a signal, an adopted process is looked at this often (milliseconds) … */
const SIGNALLED_INTERVAL_MS = 2;

/** … for so long: somebody is waiting for its end. */
const SIGNALLED_PERIOD_MS = 500;

/** The handle of a process that an earlier albatrossd started. */
export function adoptedProcess(run: Run): ProcessHandle {
  const watch = watchProcess({ pid: run.pid, startTime: run.processStart, bootId: run.bootId });
  return {
    exited: watch.exited,
    signal(signal) {
      if (!watch.signal(signal)) return;
      const timer = setInterval(() => watch.look(), SIGNALLED_INTERVAL_MS);
      const stop = setTimeout(() => clearInterval(timer), SIGNALLED_PERIOD_MS);
      void watch.exited.then(() => {
        clearInterval(timer);
        clearTimeout(stop);
      });
    },
  };
}

/** Waits for the end of a process for at most `milliseconds`. @returns whether it ended */
export async function endsWithin(process: Pick<ProcessHandle, "exited">, milliseconds: number): Promise<boolean> {
  const timeout = Promise.withResolvers<false>();
  const timer = setTimeout(() => timeout.resolve(false), milliseconds);
  try {
    return await Promise.race([process.exited.then(() => true), timeout.promise]);
  } finally {
    clearTimeout(timer);
  }
}
