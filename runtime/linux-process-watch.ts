/**
 * Watching and signalling processes on Linux: by descriptors for them.
 *
 * @module
 */
import { closeDescriptor } from "./descriptor.ts";
import { errno, libcNames, openLibrary } from "./ffi.ts";
import { openPidfd, reapPidfd, signalPidfd } from "./pidfd.ts";
import type { ExitStatus } from "./process.ts";
import { isAlive, isAliveOrZombie, type ProcessIdentity } from "./process-identity.ts";
import { type ProcessWatch, WATCH_INTERVAL, type WatchOptions } from "./process-watch-types.ts";
import { SystemError } from "./system-error.ts";

/** How many ends are taken from the kernel at once; more are taken in further rounds. */
const EVENTS_PER_ROUND = 64;

const EPOLL_CLOEXEC = 0o2000000;
const [EPOLL_CTL_ADD, EPOLLIN, EINTR] = [1, 1, 4];
// `struct epoll_event` has no padding on x86-64 only.
const [EVENT_SIZE, EVENT_DATA] = process.arch === "x64" ? [12, 4] : [16, 8];

interface EpollCalls {
  epoll_create1(flags: number): number;
  epoll_ctl(epoll: number, operation: number, descriptor: number, event: Uint8Array): number;
  epoll_wait(epoll: number, events: Uint8Array, count: number, timeout: number): number;
}

let loaded: EpollCalls | undefined;

function calls(): EpollCalls {
  loaded ??= openLibrary(libcNames, {
    epoll_create1: { args: ["i32"], returns: "i32" },
    epoll_ctl: { args: ["i32", "i32", "i32", "buffer"], returns: "i32" },
    epoll_wait: { args: ["i32", "buffer", "i32", "i32"], returns: "i32" },
  });
  return loaded;
}

/** All watched processes of this program; exists only while there are some. */
class WatchSet {
  readonly #ended = new Map<number, () => void>();
  readonly #epoll: number;
  readonly #timer: NodeJS.Timeout;
  readonly #events = new Uint8Array(EVENT_SIZE * EVENTS_PER_ROUND);

  constructor() {
    this.#epoll = calls().epoll_create1(EPOLL_CLOEXEC);
    if (this.#epoll < 0) throw new SystemError("Cannot watch processes", errno());
    this.#timer = setInterval(() => this.look(), WATCH_INTERVAL);
  }

  get empty(): boolean {
    return this.#ended.size === 0;
  }

  add(descriptor: number, ended: () => void): void {
    const event = new Uint8Array(EVENT_SIZE);
    const view = new DataView(event.buffer);
    view.setUint32(0, EPOLLIN, true);
    view.setInt32(EVENT_DATA, descriptor, true);
    if (calls().epoll_ctl(this.#epoll, EPOLL_CTL_ADD, descriptor, event) !== 0) {
      throw new SystemError("Cannot watch a process", errno());
    }
    this.#ended.set(descriptor, ended);
  }

  /** Closes the descriptor, which also takes it out of the kernel's set. */
  remove(descriptor: number): void {
    this.#ended.delete(descriptor);
    closeDescriptor(descriptor);
  }

  close(): void {
    clearInterval(this.#timer);
    closeDescriptor(this.#epoll);
  }

  look(): void {
    const view = new DataView(this.#events.buffer);
    let count = EVENTS_PER_ROUND;
    while (count === EVENTS_PER_ROUND && !this.empty) {
      count = calls().epoll_wait(this.#epoll, this.#events, EVENTS_PER_ROUND, 0);
      if (count < 0) {
        const code = errno();
        if (code === EINTR) return; // the next look finds them
        throw new SystemError("Cannot look for ended processes", code);
      }
      // Each call takes its process out of the set, so the next round gives others.
      for (let at = 0; at < count; at++) this.#ended.get(view.getInt32(at * EVENT_SIZE + EVENT_DATA, true))?.();
    }
  }
}

let watches: WatchSet | undefined;

function release(descriptor: number): void {
  watches?.remove(descriptor);
  if (watches?.empty === true) {
    watches.close();
    watches = undefined;
  }
}

/**
 * Watches a process for its end, see `watchProcess`. It keeps the event loop alive until the end or `close`.
 *
 * @throws {SystemError} e.g. with too many open files
 */
export function watchByPidfd(identity: ProcessIdentity, options: WatchOptions = {}): ProcessWatch {
  const { promise, resolve } = Promise.withResolvers<ExitStatus>();
  // A child that has ended already still has its status to give.
  let descriptor = openPidfd(identity, options.reap === true ? isAliveOrZombie : isAlive);
  if (descriptor === undefined) {
    resolve({ kind: "unknown" });
    return { identity, exited: promise, signal: () => false, look: () => undefined, close: () => undefined };
  }
  const opened = descriptor;
  const close = () => {
    if (descriptor === undefined) return;
    descriptor = undefined;
    release(opened);
  };
  const ended = () => {
    let status: ExitStatus = { kind: "unknown" };
    try {
      if (options.reap === true) status = reapPidfd(opened) ?? status;
    } catch {
      // Linux before 5.4 cannot reap by descriptor: the end is still the end, only its status stays unknown.
    }
    close();
    resolve(status);
  };
  try {
    watches ??= new WatchSet();
    watches.add(opened, ended);
  } catch (error) {
    if (watches === undefined) closeDescriptor(opened);
    else release(opened);
    throw error;
  }
  return {
    identity,
    exited: promise,
    signal: (signal) => descriptor !== undefined && signalPidfd(descriptor, signal),
    look: () => watches?.look(),
    close,
  };
}

/**
 * Sends a signal to exactly this process, see `signalProcess`.
 *
 * @returns `false` if the process has ended
 * @throws {SystemError} if it is not permitted, or there is no such signal
 */
export function signalByPidfd(identity: ProcessIdentity, signal: number): boolean {
  const descriptor = openPidfd(identity, isAlive);
  if (descriptor === undefined) return false;
  try {
    return signalPidfd(descriptor, signal);
  } finally {
    closeDescriptor(descriptor);
  }
}
