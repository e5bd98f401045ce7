/**
 * Watching and signalling processes that this program did not start, e.g. those of its predecessor.
 *
 * @module
 */
import { FreebsdProcessWatches } from "./freebsd-process-watch.ts";
import { signalByPidfd, watchByPidfd } from "./linux-process-watch.ts";
import type { ProcessIdentity } from "./process-identity.ts";
import type { ProcessWatch, WatchOptions } from "./process-watch-types.ts";

export { type ProcessWatch, WATCH_INTERVAL, type WatchOptions } from "./process-watch-types.ts";

/** How this operating system does it. */
const system: {
  watch(identity: ProcessIdentity, options: WatchOptions): ProcessWatch;
  signal(identity: ProcessIdentity, signal: number): boolean;
} = process.platform === "freebsd" ? new FreebsdProcessWatches() : { watch: watchByPidfd, signal: signalByPidfd };

/**
 * Watches a process for its end. It keeps the event loop alive until the end or `close`.
 *
 * @throws {SystemError} e.g. with too many open files
 */
export function watchProcess(identity: ProcessIdentity, options: WatchOptions = {}): ProcessWatch {
  return system.watch(identity, options);
}

/**
 * Sends a signal to exactly this process, never to another one that got its id. Signal 0 only asks for permission.
 *
 * @returns `false` if the process has ended
 * @throws {SystemError} if it is not permitted, or there is no such signal
 */
export function signalProcess(identity: ProcessIdentity, signal: number): boolean {
  return system.signal(identity, signal);
}
